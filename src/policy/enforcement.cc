#include "policy/enforcement.h"

#include <algorithm>

#include "base/format.h"
#include "policy/keys.h"
#include "policy/rules.h"

namespace hv::policy {

namespace {

using base::format;

struct Cell {
  std::string_view key;
  Keeper keeper;
  std::string_view by;
  std::string_view not_covered;
};

// What holds on every machine that a sandbox of the process tier can start on. What depends on the machine has a
// function of its own below.
constexpr Cell kProcess[] = {
    {"limits.open_files", Keeper::kernel, "RLIMIT_NOFILE", "each process counts for itself"},
    {"limits.disk", Keeper::supervisor, "counting blocks",
     "what is written between two looks is above the limit, and a live workspace is not counted"},
    {"limits.tmp", Keeper::kernel, "the size of /tmp and of /dev/shm", ""},
    {"limits.wall", Keeper::supervisor, "a timer", "paused time does not count"},
    {"time.hours", Keeper::supervisor, "the start, and a timer",
     "up to half a minute after the machine's clock was set forward or it slept, or until a daemon runs"},
    {"time.not_after", Keeper::supervisor, "the start, and a timer",
     "up to half a minute after the machine's clock was set forward or it slept, or until a daemon runs"},
    {"time.zone", Keeper::start, "the system's database of zones", ""},
    {"limits.idle", Keeper::supervisor, "a timer", "a program that writes a byte now and then is not idle"},
    {"filesystem.workspace", Keeper::kernel, "the mount tree", ""},
    {"filesystem.read", Keeper::kernel, "the mount tree",
     "a file with a second name in a directory that is shown is shown there"},
    {"filesystem.write", Keeper::kernel, "the mount tree",
     "what the host runs of it later, it runs as the agent left it"},
    {"filesystem.hide", Keeper::kernel, "an empty file or directory over each that is there at the start",
     "a file that appears later, one that the host replaces in a live workspace or a grant, one that was moved away "
     "from the path that is named where an agent may write, a second name of the same file, and what git keeps of it "
     "in "
     ".git"},
    {"privileges.nested_sandboxes", Keeper::kernel, "the system call filter and the limit of user namespaces", ""},
    {"exec.deny", Keeper::kernel, "an empty file over each that is there at the start",
     "a copy of the program, another program that does the same, and what an interpreter can do"},
    {"syscalls.deny", Keeper::kernel, "the system call filter", ""},
    {"network.default", Keeper::gateway, "name, port and first bytes", "what an allowed server passes on"},
    {"network.agent_hosts", Keeper::gateway, "name, port and first bytes", "what an allowed server passes on"},
    {"network.allow", Keeper::gateway, "name, port and first bytes", "what an allowed server passes on"},
    {"network.ask", Keeper::gateway, "name, port and first bytes",
     "nobody is asked yet: until somebody allows it, it is refused"},
    {"network.deny", Keeper::gateway, "name, address, port and first bytes", "the same service under another name"},
    {"network.host_services", Keeper::gateway, "the port", "what the service itself lets the agent do"},
    {"audit.arguments", Keeper::supervisor, "leaving them out before they are written",
     "what a program's own path, its directory and its output show"},
    {"audit.files", Keeper::supervisor, "not writing them",
     "what apply, undo and conflicts with the host name is recorded"},
    {"audit.requests", Keeper::supervisor, "leaving them out before they are written",
     "what a rule of the policy itself names"},
    {"audit.keep_payloads", Keeper::daemon, "deleting them from the ledger, whose proofs stay",
     "up to an eighth of that time longer, and a day at most, or until a daemon runs; and what is not the ledger: "
     "while "
     "the sandbox is there, its own directory has its spool and its output"},
    {"audit.redact_names", Keeper::supervisor,
     "replacing what follows such a name before it is written, and the daemon",
     "a value without its name beside it, what is encoded or split, and what is not the record: the output that is "
     "kept "
     "for logs, files, and the command that a sandbox is started with again"},
    {"audit.redact_patterns", Keeper::supervisor, "replacing what fits before it is written, and the daemon",
     "what is encoded, split or cut off, and what is not the record: the output that is kept for logs, files, and the "
     "command that a sandbox is started with again"},
    {"environment.pass", Keeper::start, "the environment that a program is started with", "what a variable leads to"},
    {"environment.set", Keeper::start, "the environment that a program is started with",
     "a program can change its own"},
};

// Limits that cgroups keep, where they can.
constexpr std::pair<std::string_view, std::string_view> kGroups[] = {
    {"limits.memory", "memory"}, {"limits.pids", "pids"}, {"limits.cpus", "cpu"}, {"limits.io", "io"}};

Enforcement of_group(std::string_view limit, const Machine& machine) {
  if (std::ranges::find(machine.limits, limit) != machine.limits.end())
    return {Keeper::kernel, "a cgroup",
            limit == "io" ? "with cgroups of version 1, what is written through the cache" : ""};
  auto why = machine.lacks.find(limit);
  return {Keeper::impossible, why == machine.lacks.end() ? "this machine has no cgroup for it" : why->second, ""};
}

// A default that allows refuses nothing, and needs nobody.
Enforcement of_exec(const Policy& policy, const Machine& machine) {
  if (policy.exec.fallback == core::Verdict::allow)
    return {Keeper::observed, "the record of every start", "nothing is refused by it"};
  if (policy.nested_sandboxes)
    return {Keeper::impossible, "Landlock's rules for files make mounts fail, which nested sandboxes need", ""};
  if (machine.landlock_abi < 2)
    return {Keeper::impossible, "this kernel has no Landlock for files, which came with 5.19", ""};
  return {
      Keeper::kernel, "Landlock's right to execute",
      "a file that can be read can be run through an allowed loader or interpreter, a program in memory (memfd) is no "
      "file: deny memfd_create under [syscalls], and where the agent may write an allowed program it is what was "
      "written"};
}

// A response that could not be given is none that may be promised.
Enforcement of_behavior(const Policy& policy, const Machine& machine) {
  auto wants = [&](core::Response response) {
    return std::ranges::any_of(policy.behavior, [&](const core::BehaviorRule& rule) {
      return std::ranges::find(rule.responses, response) != rule.responses.end();
    });
  };
  auto keeps = [&](std::string_view limit) { return std::ranges::find(machine.limits, limit) != machine.limits.end(); };
  if (wants(core::Response::throttle_cpu) && !keeps("cpu"))
    return {Keeper::impossible, "throttle-cpu needs a cgroup for processors, and this machine has none to use", ""};
  if (wants(core::Response::freeze) && !keeps("freezer"))
    return {Keeper::impossible, "freeze needs a freezer cgroup, and this machine has none to use", ""};
  return {Keeper::observed, "the daemon, on what is recorded",
          "what made a rule fire has happened by then, and while no daemon runs nothing is done about it"};
}

}  // namespace

Enforcement enforcement_of(std::string_view key, const Policy& policy, core::Tier tier, const Machine& machine) {
  if (tier != core::Tier::process)
    return {Keeper::impossible, format("this version has no tier '{}'", core::name_of(tier)), ""};
  for (auto [group, limit] : kGroups)
    if (key == group) return of_group(limit, machine);
  if (key == "exec.default" || key == "exec.allow") return of_exec(policy, machine);
  if (key == "security.require_probe")
    return {Keeper::start, "a signed proof, looked for before anything starts", "what no probe tries"};
  if (key == "security.allow_degraded")
    return {Keeper::start, "what would refuse the start", "what is named is not kept where the machine cannot"};
  if (key == kBehaviorRules) return of_behavior(policy, machine);
  const auto* cell = std::ranges::find(kProcess, key, &Cell::key);
  if (cell == std::end(kProcess)) return {Keeper::impossible, "no part of this version keeps it", ""};
  return {cell->keeper, std::string(cell->by), std::string(cell->not_covered)};
}

std::string list_enforcement(const Policy& policy, core::Tier tier, const Machine& machine) {
  std::string text;
  std::string last;
  for (const Rule& rule : rules_of(policy)) {
    if (rule.key == std::exchange(last, rule.key)) continue;
    Enforcement by = enforcement_of(rule.key, policy, tier, machine);
    text += format("{}: {} by {}{}{}\n", rule.key, core::name_of(by.keeper), by.by,
                   by.not_covered.empty() ? "" : "; not covered: ", by.not_covered);
  }
  return text;
}

std::vector<Unkept> unkept_of(const Policy& policy, core::Tier tier, const Machine& machine) {
  std::vector<Unkept> all;
  for (const Rule& rule : rules_of(policy)) {
    Enforcement by = enforcement_of(rule.key, policy, tier, machine);
    if (by.keeper != Keeper::impossible) continue;
    // Once a key: that one item of a list is kept and another is not does not happen.
    if (!all.empty() && all.back().key == rule.key) continue;
    bool accepted = std::ranges::find(policy.allow_degraded, rule.key) != policy.allow_degraded.end();
    all.push_back({rule.key, by.by, rule.key.starts_with("exec.") ? "starts are recorded and not refused" : "",
                   rule.place, accepted});
  }
  return all;
}

}  // namespace hv::policy
