// Many patterns for paths, asked as one: which of them, the first in their order, covers a path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/glob_index.h"

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
  core::GlobIndex rest_;
  std::vector<size_t> indexes_;  // of the texts that `rest_` is made from
};

}  // namespace hv::policy
