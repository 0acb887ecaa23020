// One attempt to break out, made from inside on purpose, with what is needed to judge it: who should hold it, and what
// to switch off so that it must get through.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/launch.h"

namespace hv::probe {

// What only the outside can know; empty or zero: not told, and the probes that need it do not apply.
struct Outside {
  int pid = 0;                // a process of the host, of the same user
  std::string abstract;       // name of an abstract socket that listens on the host, without the leading zero byte
  std::string socket;         // path of a unix socket that listens on the host
  std::string file;           // a file of the host that the sandbox must not see
  int shared_memory = 0;      // key of a System V segment of the host that anybody may attach
  std::string message_queue;  // name of a POSIX message queue of the host that anybody may open
  int port = 0;               // a TCP port that listens on the host's loopback
  // A network that answers, for tests (docs/probes.md).
  std::string allowed;      // a name that the policy allows
  std::string unlisted;     // another name of the same server, which no rule allows
  std::string rebinding;    // an allowed name that leads to a private address from its second answer on
  std::string own_name;     // an allowed name of the host itself
  std::string unlisted_v4;  // addresses that no rule allows
  std::string unlisted_v6;
  std::string name_server;  // that answers for all of these
};

// `held_unrecorded`: what held this time cannot tell anybody, whatever the table says of the probe.
enum class Outcome : uint8_t { held, got_through, not_applicable, held_unrecorded };

struct Attempt {
  Outcome outcome = Outcome::held;
  std::string detail;
};

// nested: the policy lets the agent make sandboxes of its own, within its own namespaces. own_root: the root file
// system is a copy-on-write view of a directory, and its system files are the agent's to change.
enum class Allowance : uint8_t { nothing, nested, own_root };

struct Probe {
  std::string_view id;
  std::string_view category;
  std::string_view summary;
  // The layers that hold it together: in a sandbox without all of them it must get through. 0: what holds it (the ids,
  // the mount tree, the kernel's own checks) cannot be left out.
  uint32_t control;
  // The refused system call that the ledger then names, or the kind of event; empty: nothing can report it.
  std::string_view record;
  Attempt (*attempt)(const Outside&);
  // The control takes a network in which a server answers, which not every machine has.
  bool needs_network = false;
  // What allows this to an agent: it is then no way out.
  Allowance allowed_by = Allowance::nothing;
};

// Each category's table.
std::span<const Probe> call_probes();
std::span<const Probe> file_probes();
std::span<const Probe> process_probes();
std::span<const Probe> network_probes();
std::span<const Probe> gateway_probes();
std::span<const Probe> terminal_probes();

constexpr uint32_t layers(auto... layer) {
  return (static_cast<uint32_t>(layer) | ... | 0U);
}

inline Attempt held(std::string detail) {
  return {Outcome::held, std::move(detail)};
}
inline Attempt held_unrecorded(std::string detail) {
  return {Outcome::held_unrecorded, std::move(detail)};
}
inline Attempt got_through(std::string detail) {
  return {Outcome::got_through, std::move(detail)};
}
inline Attempt not_applicable(std::string detail) {
  return {Outcome::not_applicable, std::move(detail)};
}

// "keyctl: EPERM"; of a success "keyctl: 5".
std::string describe(std::string_view what, long result, int error);
// Held exactly when the call failed. `error` is errno after it.
Attempt judge(std::string_view what, long result, int error);

}  // namespace hv::probe
