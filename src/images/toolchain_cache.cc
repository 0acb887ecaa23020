#include "images/toolchain_cache.h"

#include <algorithm>

namespace hv::images {

namespace {

// Everything but the disk that the search reads: of the environment PATH and the variables that name a place.
std::vector<std::string> key_of(const HostView& host, std::string_view command, std::string_view workspace,
                                const std::vector<std::string>& covered, const std::string& home) {
  std::vector<std::string> key{std::string(command), std::string(workspace), home, host.caller.home, host.root};
  if (command.find('/') != std::string_view::npos) key.push_back(host.caller.directory);
  key.insert(key.end(), covered.begin(), covered.end());
  for (const core::Variable& variable : host.caller.environment)
    if (variable.name == "PATH" || variable.value.starts_with('/')) key.push_back(variable.name + "=" + variable.value);
  return key;
}

}  // namespace

FoundTools ToolchainCache::find(const HostView& host, std::string_view command, std::string_view workspace,
                                std::vector<std::string> covered, std::string home) {
  std::vector<std::string> key = key_of(host, command, workspace, covered, home);
  auto known = std::ranges::find(entries_, key, &Entry::key);
  if (known != entries_.end() && known->found.binder.looks().hold()) {
    ++hits_;
    entries_.splice(entries_.begin(), entries_, known);
    return known->found;
  }
  if (known != entries_.end()) entries_.erase(known);
  Binder binder(std::move(covered), std::move(home));
  Toolchain toolchain = find_toolchain(host, command, workspace, binder);
  FoundTools found{std::move(toolchain), std::move(binder)};
  if (found.binder.looks().settled()) {
    entries_.push_front({std::move(key), found});
    if (entries_.size() > kMost) entries_.pop_back();
  }
  return found;
}

}  // namespace hv::images
