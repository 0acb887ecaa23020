// Many placed globs, asked as one. Every path that a glob covers has certain text in it; three characters of that are
// enough to leave aside nearly all globs for nearly every path, so that a thousand cost about as much as a few.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/glob.h"

namespace hv::core {

class GlobIndex {
 public:
  GlobIndex() = default;
  explicit GlobIndex(std::vector<Glob> globs);

  // The first in their order that covers the path; only those before `end` count.
  std::optional<size_t> first_covering(std::span<const std::string_view> names, size_t end = ~size_t{0}) const;
  // Whether one of them matches the path itself.
  bool any_matches(std::span<const std::string_view> names) const;
  bool empty() const { return globs_.empty(); }

 private:
  template <typename Test>
  std::optional<size_t> first(std::span<const std::string_view> names, size_t end, const Test& test) const;

  std::vector<Glob> globs_;
  // By three characters of "/a/b/c/"; each glob is under one such key alone, or among the others, which are tried
  // always.
  std::unordered_map<uint32_t, std::vector<size_t>> by_text_;
  std::vector<size_t> others_;
};

}  // namespace hv::core
