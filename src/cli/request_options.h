// The options that describe a sandbox, the same for run and create, and the request they make.
#pragma once

#include <array>

#include "base/result.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/context.h"
#include "core/run_request.h"

namespace hv::cli {

inline constexpr auto kRequestOptions = std::to_array<Option>({
    {.name = "policy",
     .letter = 'p',
     .value = "NAME",
     .help = "What it may do: restricted (the default), standard, locked or one of yours",
     .completion = Completion::policies},
    {.name = "name", .letter = 'n', .value = "NAME", .help = "What to call the sandbox; invented when not given"},
    {.name = "workspace",
     .letter = 'w',
     .value = "MODE",
     .help = "How the workspace is shared: cow (copy-on-write), live, ro or none; as configured, or as the policy "
             "says, when not given",
     .completion = Completion::workspace_modes},
    {.name = "workspace-dir",
     .value = "DIR",
     .help = "The workspace; the current directory when not given",
     .completion = Completion::directories},
    {.name = "env",
     .letter = 'e',
     .value = "K[=V]",
     .help = "A variable for the command; without a value, yours",
     .repeatable = true},
    {.name = "host-port",
     .value = "PORT",
     .help = "Let it reach this TCP port of your machine's loopback",
     .repeatable = true},
    {.name = "read",
     .value = "PATH",
     .help = "Show it this file or directory too, read-only, at the same place",
     .repeatable = true,
     .completion = Completion::files},
    {.name = "write",
     .value = "PATH",
     .help = "Let it change this file or directory too, at the same place",
     .repeatable = true,
     .completion = Completion::files},
    {.name = "allow",
     .value = "HOST[:PORT]",
     .help = "Let it reach this host: a name, *.NAME, an address or a group such as @git; on 80 and 443 without a port",
     .repeatable = true},
    {.name = "allow-private",
     .value = "HOST[:PORT]",
     .help = "The same for a host at a private address, such as one behind a VPN",
     .repeatable = true},
    {.name = "network",
     .value = "MODE",
     .help = "What it may reach: policy (as the policy and the options say, the default) or none",
     .completion = Completion::network_modes},
    {.name = "agent",
     .value = "NAME",
     .help = "The agent profile; found by the command's name when not given",
     .completion = Completion::agents},
    {.name = "fresh-home", .help = "An empty home, not the one kept for this agent and project"},
    {.name = "rootfs",
     .value = "DIR",
     .help = "Use this root file system and not the host's tools",
     .completion = Completion::directories},
    {.name = "tier", .value = "TIER", .help = "What isolates it: process"},
    {.name = "label", .letter = 'l', .value = "K=V", .help = "A label to find it by", .repeatable = true},
    {.name = "memory", .value = "SIZE", .help = "At most this much memory, such as 2GiB"},
    {.name = "pids", .value = "N", .help = "At most so many processes and threads"},
    {.name = "cpus", .value = "N", .help = "At most so many processors' time, such as 1.5"},
    {.name = "io", .value = "SIZE", .help = "At most this much read, and written, of the disk in a second"},
    {.name = "disk",
     .value = "SIZE",
     .help = "At most this much added to its copy-on-write layer and home; ended above"},
    {.name = "open-files", .value = "N", .help = "At most so many open files in each process"},
    {.name = "wall", .value = "TIME", .help = "Ended after this time, such as 2h; a warning comes before"},
    {.name = "idle",
     .value = "TIME",
     .help = "Ended after this time without output, input or a new command; a warning comes before"},
    {.name = "accept-unenforced", .help = "Start although this machine cannot enforce one of the limits"},
    {.name = "allow-degraded",
     .value = "KEY",
     .help = "Start although this machine cannot keep this key of the policy, such as limits.memory; said and recorded",
     .repeatable = true},
    {.name = "nested", .help = "Let the agent make sandboxes of its own, where the policy allows it"},
    {.name = "no-nested", .help = "Do not let it, although the policy would"},
    {.name = "skip-layer",
     .value = "LAYER",
     .help = "Leave out a layer of isolation; said and recorded",
     .repeatable = true,
     .hidden = true,
     .completion = Completion::layers},
});

// The tables of run and create: the shared options and their own.
template <size_t N>
constexpr std::array<Option, kRequestOptions.size() + N> with_request_options(const Option (&own)[N]) {
  std::array<Option, kRequestOptions.size() + N> all{};
  size_t at = 0;
  for (const Option& option : own) all[at++] = option;
  for (const Option& option : kRequestOptions) all[at++] = option;
  return all;
}

// Without a terminal. A bad value is marked as a failure of the command line.
base::Result<core::RunRequest> read_request(Context& context, const Arguments& arguments);

// The rules that an option gives, each checked.
base::Result<std::vector<std::string>> read_rules(const Arguments& arguments, std::string_view option);

}  // namespace hv::cli
