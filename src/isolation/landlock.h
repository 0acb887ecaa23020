// Landlock, by system calls: the tree is readable and executable, writable only where the plan says, and the sandbox
// can neither signal processes nor reach abstract sockets outside itself. landlock(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace hv::isolation {

// Ports that TCP sockets may use; every other port is refused. Kernel 6.7 (ABI 4).
struct TcpPorts {
  std::vector<uint16_t> bind;
  std::vector<uint16_t> connect;
};

struct LandlockPlan {
  // False where nested sandboxes are allowed: any file-system ruleset makes mount(2) fail below it.
  bool filesystem = true;
  // What can be read; nothing is executable then. nullopt: the whole tree can be read and executed.
  std::optional<std::vector<std::string>> readable = std::nullopt;
  // With `readable` absent: only these, and what lies in them, can be executed. nullopt: everything.
  std::optional<std::vector<std::string>> executable = std::nullopt;
  // Everything below these may be changed. A path that does not exist
  // is left out, which can only tighten the rules.
  std::vector<std::string> writable;
  std::optional<TcpPorts> tcp;
  bool scope_abstract_sockets = true;
  bool scope_signals = true;
};

// What of a plan holds on a kernel, and what does not, each in a sentence for `inspect` and the ledger.
struct LandlockReport {
  int abi = 0;
  bool filesystem = false;
  bool tcp = false;
  bool abstract_sockets = false;
  bool signals = false;
  std::vector<std::string> degradations;
  bool anything() const { return filesystem || tcp || abstract_sockets || signals; }
};

// The kernel's Landlock ABI, 0 when it has none or it is switched off at boot.
int landlock_abi();

// Pure: what apply_landlock would enforce with this ABI.
LandlockReport foresee_landlock(const LandlockPlan& plan, int abi);

// Confines the calling thread and all that it starts, for ever. Called in the finished mount tree, single-threaded,
// with no_new_privs set or CAP_SYS_ADMIN held. The supervisor must not be under Landlock: any ruleset stops it from
// reading the agent's memory.
base::Result<LandlockReport> apply_landlock(const LandlockPlan& plan);

}  // namespace hv::isolation
