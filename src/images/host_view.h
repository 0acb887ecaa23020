// What the planner may know of the host: everything that depends on the caller is passed in, nothing is read from this
// process's environment.
#pragma once

#include <string>
#include <string_view>

#include "core/run_request.h"

namespace hv::images {

struct HostView {
  core::Caller caller;  // environment, directory, home, ids
  std::string user;     // login name; empty: "user"
  std::string root;     // put before the system's own directories (/usr, /etc): empty but in tests
};

// The caller's variable; empty when unset.
inline std::string_view variable(const HostView& host, std::string_view name) {
  for (const core::Variable& entry : host.caller.environment)
    if (entry.name == name) return entry.value;
  return {};
}

// True for `path` itself and everything below it, as text.
constexpr bool lies_in(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

constexpr std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}
constexpr std::string_view parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

}  // namespace hv::images
