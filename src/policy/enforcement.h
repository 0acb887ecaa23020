// The enforcement matrix: for each key of the language, each tier and one machine, who keeps it, by what, and in the
// matrix's own words what that does not cover. Pure.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/names.h"
#include "core/run_request.h"
#include "policy/policy.h"

namespace hv::policy {

enum class Keeper {
  kernel,      // the kernel refuses, whatever the agent does
  gateway,     // the only way out of the sandbox's network judges it
  supervisor,  // watched from outside, and the sandbox is ended
  start,       // decided when the sandbox is made: what is left out is not there
  daemon,      // done by the daemon, now or by the next one
  observed,    // recorded and not refused
  impossible,  // nobody: the start is refused, unless the key is accepted as degraded
};

// What a machine offers, as far as the matrix depends on it.
struct Machine {
  int landlock_abi = 0;
  std::vector<std::string> limits;  // "memory", "pids", "cpu", "io", "freezer": what cgroups here can do
  std::map<std::string, std::string, std::less<>> lacks;  // the others: why not
};

struct Enforcement {
  Keeper keeper = Keeper::impossible;
  std::string by;           // "cgroup", "Landlock's right to execute"; of what is impossible: why
  std::string not_covered;  // a sentence; empty: nothing known
  bool operator==(const Enforcement&) const = default;
};

// For a key with the value that the policy gives it.
Enforcement enforcement_of(std::string_view key, const Policy& policy, core::Tier tier, const Machine& machine);

// The same for every key that the policy says something by, as lines `KEY: KEEPER by BY; NOT COVERED`.
std::string list_enforcement(const Policy& policy, core::Tier tier, const Machine& machine);

// What was said and cannot be kept here.
struct Unkept {
  std::string key;
  std::string why;
  std::string remains;  // what holds all the same
  Place place;          // no line: nobody wrote it
  bool accepted = false;
};
std::vector<Unkept> unkept_of(const Policy& policy, core::Tier tier, const Machine& machine);

}  // namespace hv::policy

namespace hv::core {
template <>
struct Names<policy::Keeper> {
  static constexpr std::string_view kind = "keeper";
  static constexpr std::array<std::pair<policy::Keeper, std::string_view>, 7> table{
      {{policy::Keeper::kernel, "kernel"},
       {policy::Keeper::gateway, "gateway"},
       {policy::Keeper::supervisor, "supervisor"},
       {policy::Keeper::start, "start"},
       {policy::Keeper::daemon, "daemon"},
       {policy::Keeper::observed, "observed"},
       {policy::Keeper::impossible, "impossible"}}};
};
}  // namespace hv::core
