#include "policy/path_matcher.h"

#include <algorithm>

namespace hv::policy {

PathMatcher::PathMatcher(const std::vector<std::string>& texts, std::string_view home, std::string_view workspace) {
  std::vector<core::Glob> rest;
  for (size_t i = 0; i < texts.size(); ++i) {
    base::Result<core::Glob> glob = core::Glob::parse(texts[i]);
    if (!glob) continue;
    core::Glob placed = glob->placed(home, workspace);
    if (glob->is_literal())
      paths_.try_emplace(placed.fixed_directory(), i);
    else if (std::string_view name = placed.name_at_any_depth(); !name.empty())
      names_.try_emplace(std::string(name), i);
    else {
      rest.push_back(std::move(placed));
      indexes_.push_back(i);
    }
  }
  rest_ = core::GlobIndex(std::move(rest));
}

std::optional<size_t> PathMatcher::find(std::string_view path) const {
  std::vector<std::string_view> names = core::names_of_path(path);
  size_t first = std::string::npos;
  std::string above;
  for (std::string_view name : names) {
    above.append("/").append(name);
    if (auto found = paths_.find(above); found != paths_.end()) first = std::min(first, found->second);
    if (names_.empty()) continue;
    if (auto found = names_.find(std::string(name)); found != names_.end()) first = std::min(first, found->second);
  }
  auto end = static_cast<size_t>(std::ranges::lower_bound(indexes_, first) - indexes_.begin());
  if (auto found = rest_.first_covering(names, end)) first = indexes_[*found];
  return first == std::string::npos ? std::nullopt : std::optional(first);
}

}  // namespace hv::policy
