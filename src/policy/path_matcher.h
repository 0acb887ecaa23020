// Many patterns for paths, asked as one: which of them, the first in their order, covers a path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/glob.h"

namespace hv::policy {

class PathMatcher {
 public:
  PathMatcher() = default;
  // Texts that are no patterns match nothing.
  PathMatcher(const std::vector<std::string>& texts, std::string_view home, std::string_view workspace);

  // The index of the first text that covers the absolute path.
  std::optional<size_t> find(std::string_view path) const;

 private:
  std::unordered_map<std::string, size_t> paths_;  // patterns that name one path
  std::unordered_map<std::string, size_t> names_;  // patterns that are a name at any depth
  std::vector<std::pair<core::Glob, size_t>> rest_;
};

}  // namespace hv::policy
