#include "core/state.h"

#include <array>
#include <utility>

namespace hv::core {

namespace {

using enum SandboxState;

constexpr std::array<std::pair<SandboxState, std::string_view>, 7> kStates{{{created, "created"},
                                                                            {starting, "starting"},
                                                                            {running, "running"},
                                                                            {paused, "paused"},
                                                                            {stopping, "stopping"},
                                                                            {stopped, "stopped"},
                                                                            {removed, "removed"}}};

constexpr std::array<std::pair<SandboxState, SandboxState>, 14> kSteps{{{created, starting},
                                                                        {created, removed},
                                                                        {starting, running},
                                                                        {starting, stopping},
                                                                        {starting, stopped},
                                                                        {running, paused},
                                                                        {running, stopping},
                                                                        {running, stopped},
                                                                        {paused, running},
                                                                        {paused, stopping},
                                                                        {paused, stopped},
                                                                        {stopping, stopped},
                                                                        {stopped, starting},
                                                                        {stopped, removed}}};

constexpr std::array<std::pair<Outcome::Kind, std::string_view>, 10> kOutcomes{
    {{Outcome::Kind::exited, "exited"},
     {Outcome::Kind::signalled, "signalled"},
     {Outcome::Kind::killed_by_policy, "killed_by_policy"},
     {Outcome::Kind::out_of_memory, "out_of_memory"},
     {Outcome::Kind::out_of_disk, "out_of_disk"},
     {Outcome::Kind::out_of_time, "out_of_time"},
     {Outcome::Kind::idle, "idle"},
     {Outcome::Kind::stopped, "stopped"},
     {Outcome::Kind::launch_failed, "launch_failed"},
     {Outcome::Kind::supervisor_lost, "supervisor_lost"}}};

std::string_view next_step(SandboxState from, SandboxState to, std::string_view sandbox, std::string& buffer) {
  std::string name(sandbox);
  if (to == removed && (from == running || from == paused || from == starting)) {
    buffer = "stop it first: hydravisor stop " + name + ", or use rm --force";
  } else if ((to == running || to == paused || to == stopping) && (from == created || from == stopped)) {
    buffer = "start it: hydravisor start " + name;
  } else if (to == starting && (from == running || from == starting)) {
    buffer = "use it: hydravisor exec " + name + " -- CMD";
  } else if (to == starting && from == paused) {
    buffer = "resume it: hydravisor resume " + name;
  } else if (from == stopping) {
    buffer = "wait until it has stopped: hydravisor wait " + name;
  }
  return buffer;
}

}  // namespace

std::string_view state_name(SandboxState state) {
  for (auto [value, name] : kStates)
    if (value == state) return name;
  return "unknown";
}

base::Result<SandboxState> parse_state(std::string_view text) {
  for (auto [value, name] : kStates)
    if (name == text) return value;
  return base::Failure(base::invalid_argument("unknown state '" + std::string(text) + "'"));
}

bool is_legal(SandboxState from, SandboxState to) {
  for (auto [step_from, step_to] : kSteps)
    if (step_from == from && step_to == to) return true;
  return false;
}

base::Status check_transition(std::string_view sandbox, SandboxState from, SandboxState to) {
  if (is_legal(from, to)) return {};
  std::string buffer;
  std::string_view hint = next_step(from, to, sandbox, buffer);
  return base::Failure(base::conflict("sandbox '" + std::string(sandbox) + "' is " + std::string(state_name(from)) +
                                      " and cannot become " + std::string(state_name(to)))
                           .with_hint(std::string(hint)));
}

int Outcome::exit_code() const {
  switch (kind) {
    case Kind::exited:
      return code;
    case Kind::signalled:
      return 128 + code;
    case Kind::killed_by_policy:
    case Kind::out_of_memory:
    case Kind::out_of_disk:
    case Kind::out_of_time:
    case Kind::idle:
    case Kind::stopped:
      return 128 + (code != 0 ? code : 9);
    case Kind::launch_failed:
    case Kind::supervisor_lost:
      return code != 0 ? code : 125;
  }
  return 125;
}

std::string_view outcome_name(Outcome::Kind kind) {
  for (auto [value, name] : kOutcomes)
    if (value == kind) return name;
  return "unknown";
}

base::Result<Outcome::Kind> parse_outcome(std::string_view text) {
  for (auto [value, name] : kOutcomes)
    if (name == text) return value;
  return base::Failure(base::invalid_argument("unknown outcome '" + std::string(text) + "'"));
}

}  // namespace hv::core
