// A sandbox's states and the only legal steps between them; every refusal says why.
//
//   created -> starting -> running <-> paused      stopped -> starting (start again)
//                 |           |          |            ^
//                 +-----------+----------+-> stopping-+      created, stopped -> removed
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::core {

enum class SandboxState { created, starting, running, paused, stopping, stopped, removed };

std::string_view state_name(SandboxState state);
base::Result<SandboxState> parse_state(std::string_view text);

bool is_legal(SandboxState from, SandboxState to);
// conflict, naming the sandbox, its state and what to do first, when the step is not legal.
base::Status check_transition(std::string_view sandbox, SandboxState from, SandboxState to);

// How a sandbox's main command ended. A value, not an error.
struct Outcome {
  // Supervisors send the numbers, also those of an earlier version: what is new goes last.
  enum class Kind {
    exited,
    signalled,
    killed_by_policy,
    out_of_memory,
    stopped,
    launch_failed,
    supervisor_lost,
    out_of_disk,
    out_of_time,
    idle
  };
  Kind kind = Kind::exited;
  int code = 0;        // exit code, or the signal's number for `signalled`
  std::string detail;  // one sentence for people; empty when the kind says it all

  // What `run` exits with: code; 128+N for a signal; 125 for what was not the command's doing.
  int exit_code() const;
};

std::string_view outcome_name(Outcome::Kind kind);
base::Result<Outcome::Kind> parse_outcome(std::string_view text);

}  // namespace hv::core
