// Finds what must be visible inside, at the same place and read-only, so that a command of the host works: the program
// behind every link and interpreter line, the PATH directories of the user, and the directories of the tool managers
// that they belong to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/binder.h"
#include "images/host_view.h"

namespace hv::images {

// Something that stays invisible although PATH or the command names it, and why.
struct LeftOut {
  std::string path;
  std::string reason;
};

struct Toolchain {
  // The command's program as PATH finds it, absolute; empty when the host has no such command.
  std::string program;
  // PATH inside: the caller's order, without what is not visible.
  std::vector<std::string> path;
  std::vector<core::Variable> environment;  // NVM_DIR, RUSTUP_HOME, ...
  std::vector<std::string> masked;          // files with tokens in bound directories, to be shown empty
  std::vector<LeftOut> left_out;
};

// The host's directories that are visible anyway: /usr, /opt, /nix and their like, canonical, as far as this host has
// them.
std::vector<std::string> system_directories(const HostView& host);

// What lies in `workspace` (canonical, empty for none) is not bound: the workspace itself brings it. Costs some hundred
// lstat(2) calls.
Toolchain find_toolchain(const HostView& host, std::string_view command, std::string_view workspace, Binder& binder);

// The file that `command` names, by PATH when it has no slash. not_found, or denied when it is not executable.
base::Result<std::string> find_command(const HostView& host, std::string_view command);
base::Result<std::string> find_command(const HostView& host, std::string_view command, Looks& looks);

// Why `command` was not found inside although the host may have it, with the way to change that. `path` is PATH inside.
base::Error explain_missing(std::string_view command, const HostView& host, const Toolchain& toolchain,
                            const Binder& binder);

}  // namespace hv::images
