#include "service/planner.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/home.h"
#include "images/plan.h"
#include "images/workspace_check.h"
#include "isolation/call_names.h"
#include "isolation/landlock.h"
#include "isolation/seccomp_filter.h"
#include "service/decision.h"
#include "service/egress_plan.h"
#include "service/limits.h"
#include "service/live_protection.h"
#include "service/own_mounts.h"
#include "service/policy_cases.h"
#include "service/proof_subject.h"
#include "service/start_hours.h"
#include "workspace/baseline.h"
#include "workspace/git_layout.h"

namespace hv::service {

namespace {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
using core::WorkspaceMode;

// Inside, real root's agent is an ordinary user: programs that believe they are root try what root could do.
constexpr uint32_t kAgentOfRoot = 1000;

// setrlimit(2)'s numbers by the names the request uses.
std::vector<core::Rlimit> to_rlimits(const std::vector<core::ResourceLimit>& limits) {
  static const std::map<std::string, uint32_t, std::less<>> kNumbers{
      {"cpu", 0},    {"fsize", 1},       {"data", 2},      {"stack", 3},   {"core", 4},
      {"rss", 5},    {"nproc", 6},       {"nofile", 7},    {"memlock", 8}, {"as", 9},
      {"locks", 10}, {"sigpending", 11}, {"msgqueue", 12}, {"nice", 13},   {"rtprio", 14}};
  std::vector<core::Rlimit> result;
  for (const core::ResourceLimit& limit : limits)
    if (auto found = kNumbers.find(limit.name); found != kNumbers.end())
      result.push_back({found->second, limit.soft.value_or(~uint64_t{0}), limit.hard.value_or(~uint64_t{0})});
  return result;
}

void complete(core::Command& command, const core::Caller& caller, const std::optional<core::WindowSize>& terminal) {
  command.umask = caller.umask;
  command.limits = to_rlimits(caller.limits);
  if (!terminal) return;
  command.terminal = true;
  command.rows = terminal->rows;
  command.columns = terminal->columns;
}

// The variables of the caller that reached the sandbox: all that a later start may use again.
std::vector<core::Variable> kept_variables(const core::Caller& caller, const std::vector<std::string>& environment) {
  std::vector<core::Variable> kept;
  for (const core::Variable& variable : caller.environment) {
    bool passed = std::ranges::find(environment, variable.name + "=" + variable.value) != environment.end();
    // PATH and the tool managers' variables are what the toolchain was found by; they name directories.
    if (passed || variable.name == "PATH" || variable.value.starts_with('/')) kept.push_back(variable);
  }
  return kept;
}

// Each is built once, when it is first needed.
std::string filter_for(bool nested, bool writes, const std::vector<uint32_t>& denied) {
  if (!denied.empty())
    return isolation::build_filter({.record_writes = writes, .allow_nested = nested, .denied = denied});
  static std::map<std::pair<bool, bool>, std::string> filters;
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  std::string& filter = filters[{nested, writes}];
  if (filter.empty()) filter = isolation::build_filter({.record_writes = writes, .allow_nested = nested});
  return filter;
}

// The shell's codes for a command that is not there, or cannot be executed.
Refusal refusal_of_command(const Error& error) {
  switch (error.code()) {
    case base::ErrorCode::not_found:
      return {error, 127};
    case base::ErrorCode::denied:
      return {error, 126};
    default:
      return {error, 125};
  }
}

// The sandbox's ids in terms of the namespace its supervisor lives in, which already gave them their numbers.
std::vector<core::IdRange> within(const std::vector<core::IdRange>& ranges) {
  std::vector<core::IdRange> inner;
  for (const core::IdRange& range : ranges) inner.push_back({range.inside, range.inside, range.count});
  return inner;
}

// What the user names comes last, so that it counts.
void add_variables(images::PlanRequest& look, const std::vector<core::Variable>& named, bool has_network,
                   std::string_view hostname) {
  if (has_network) {
    std::vector<core::Variable> courtesy = courtesy_variables(hostname);
    look.set.insert(look.set.end(), courtesy.begin(), courtesy.end());
  }
  look.set.insert(look.set.end(), named.begin(), named.end());
}

// Groups stand for what the tools of the one who asks are configured to use.
GroupResolver group_resolver(config::HostGroups& groups, const core::RunRequest& request) {
  return [&groups, &request](std::string_view group) -> Result<std::vector<core::EgressRule>> {
    config::GroupSources sources;
    sources.home = request.caller.home;
    sources.environment = request.caller.environment;
    sources.workspace = request.workspace.path;
    if (group == "git" && !request.workspace.path.empty())
      sources.repository = HV_TRY(workspace::git_layout(request.workspace.path)).common_dir;
    return groups.resolve(group, sources);
  };
}

Result<std::vector<uint32_t>> calls_to_deny(const policy::Policy& policy) {
  std::vector<uint32_t> numbers;
  for (const std::string& name : policy.denied_calls) {
    const policy::Place* place = policy.origin("syscalls.deny", name);
    numbers.push_back(static_cast<uint32_t>(HV_TRY_CONTEXT(
        isolation::call_to_deny(name), (place == nullptr ? "" : place->text() + ": ") + "syscalls.deny")));
  }
  return numbers;
}

// A main command that the policy does not let start is refused here, where the rule can be named. What its own programs
// start the kernel refuses.
std::optional<Error> program_denied(const policy::Policy& policy, const core::Command& command, const std::string& home,
                                    const std::string& workspace) {
  if (policy.exec == policy::ExecRules{} || command.arguments.empty() || !command.arguments[0].starts_with('/'))
    return std::nullopt;
  policy::Question question;
  question.kind = policy::Question::Kind::exec;
  question.subject = command.arguments[0];
  policy::Surroundings around;
  around.home = home;
  around.workspace = workspace;
  policy::Answer answer = policy::Evaluator(policy, around, PolicyCases::judges()).evaluate(question);
  if (answer.verdict == core::Verdict::allow || !answer.key.starts_with("exec.")) return std::nullopt;
  std::string rule = answer.key + (answer.rule.empty() ? "" : " \"" + answer.rule + "\"");
  return base::denied("policy '" + policy.name + "' does not let " + base::printable(question.subject) +
                      " be started: " + rule + (answer.place.line == 0 ? "" : " (" + answer.place.text() + ")"))
      .with_hint("hydravisor policy check " + policy.name + " exec " + base::shell_quote(question.subject) +
                 " says why; choose another with --policy");
}

policy::Machine machine_of(const isolation::CgroupPlan& cgroups, int landlock_abi) {
  policy::Machine machine;
  machine.landlock_abi = landlock_abi;
  machine.limits = cgroups.enforced;
  if (cgroups.can_freeze) machine.limits.emplace_back("freezer");
  if (cgroups.can_throttle) machine.limits.emplace_back("cpu");
  for (const isolation::Unenforced& missing : cgroups.not_enforced) machine.lacks[missing.limit] = missing.reason;
  return machine;
}

Status check_caller(const core::RunRequest& request, uint32_t uid) {
  if (request.caller.uid == uid) return {};
  return Failure(base::denied("the request is for user " + std::to_string(request.caller.uid) +
                              " and this daemon serves user " + std::to_string(uid)));
}

}  // namespace

Planner::Planner(Options options) : options_(std::move(options)) {
  landlock_abi_ = isolation::landlock_abi();
  if (options_.uid == 0) return;
  id_maps_ = isolation::rootless_maps(options_.user, options_.uid, ::getgid());
  if (id_maps_.single()) return;
  // Made once and shared: newuidmap and newgidmap take milliseconds.
  if (auto shared = isolation::make_rootless_namespace(id_maps_)) {
    user_namespace_ = *std::move(shared);
  } else {
    id_maps_.degradation = "only one id is mapped: " + shared.error().text();
  }
}

Planned<LaunchPlan> Planner::plan(const core::RunRequest& original, const core::SandboxId& id, const std::string& name,
                                  const std::string& directory, const Ranges& ranges, images::PathSearch& search) {
  core::RunRequest request = original;
  LaunchPlan plan;
  Decision decision;
  images::PlanRequest look;
  // The part whose failures are about the request; the command itself is looked for after it.
  auto settle = [&]() -> Status {
    HV_TRY(check_caller(request, options_.uid));
    decision = HV_TRY(decide(request, options_.paths));
    HV_TRY(plan_time(decision.policy, base::system_clock().wall(), plan));
    if (decision.mode == WorkspaceMode::none) {
      request.workspace.path.clear();
    } else {
      request.workspace.path = HV_TRY(images::check_workspace({request.workspace.path,
                                                               decision.mode,
                                                               request.caller.home,
                                                               options_.paths.state,
                                                               {options_.paths.config, options_.paths.runtime}}));
    }
    look = plan_request(request, decision, options_.user, options_.paths, directory);
    look.tools = &tools_;
    look.search = &search;
    look.command = request.command;
    look.directory = request.directory;
    look.hostname = name;
    plan.host_root = options_.uid == 0;
    look.uid = plan.host_root ? kAgentOfRoot : request.caller.uid;
    look.gid = plan.host_root ? kAgentOfRoot : request.caller.gid;
    plan.spec.denied_calls = HV_TRY(calls_to_deny(decision.policy));
    HV_TRY(base::make_directories(directory));
    images::HomeStore homes(options_.paths.homes);
    images::Home home =
        HV_TRY(request.fresh_home ? images::HomeStore::fresh(decision.agent, directory + "/home", request.caller.home)
                                  : homes.open(decision.agent, request.workspace.path, request.caller.home));
    look.home = home.path;
    if (!home.key.empty()) plan.home = home.key;
    if (plan.host_root) {
      uint64_t seed = std::hash<std::string>{}(id.text());
      core::IdRange range = ranges.ready ? *ranges.ready : HV_TRY(isolation::choose_root_range(seed, ranges.used));
      plan.spec.ground.uid_map = plan.spec.ground.gid_map = {range};
    }
    if (!plan.host_root && user_namespace_) {
      plan.user_namespace = &user_namespace_;
      plan.spec.ground.uid_map = within(id_maps_.uids);
      plan.spec.ground.gid_map = within(id_maps_.gids);
    }
    EgressPlan egress = HV_TRY(plan_egress(decision.policy, decision.agent, request, group_resolver(groups_, request)));
    plan.spec.egress = std::move(egress.policy);
    add_variables(look, request.environment, core::opens_network(plan.spec.egress), name);
    plan.spec.proxy_environment = proxy_variables(request.caller.environment);
    plan.degraded.insert(plan.degraded.end(), egress.notes.begin(), egress.notes.end());
    isolation::IoDevice device;
    if (decision.limits.io_bytes != 0) device = isolation::find_io_device(options_.paths.sandboxes);
    plan.cgroups = isolation::plan_cgroups(options_.cgroups, id.text(), decision.limits, device);
    HV_TRY(check_limits(request.limits, plan.cgroups));
    std::vector<std::string> losses = HV_TRY(accept_losses(request, decision, machine_of(plan.cgroups, landlock_abi_)));
    std::ranges::move(losses, std::back_inserter(plan.degraded));
    return {};
  };
  if (Status settled = settle(); !settled) return std::unexpected(Refusal{std::move(settled).error()});

  if (decision.mode == WorkspaceMode::cow) {
    Result<std::vector<core::Mount>> beside = repository_beside(request.workspace.path, directory);
    if (!beside) return std::unexpected(Refusal{beside.error()});
    if (!beside->empty()) look.set.push_back({"GIT_DISCOVERY_ACROSS_FILESYSTEM", "1"});
    look.over_workspace = *std::move(beside);
  }
  if (decision.mode == WorkspaceMode::live) {
    LiveProtection protection = protect_live(request.workspace.path);
    look.over_workspace = std::move(protection.mounts);
    plan.degraded.push_back(std::move(protection.loss));
  }
  Result<images::Plan> found = images::make_plan(look);
  if (!found) return std::unexpected(refusal_of_command(found.error()));

  if (std::optional<Error> denied =
          program_denied(decision.policy, found->command, found->home, request.workspace.path))
    return std::unexpected(Refusal{*std::move(denied), 126});

  plan.policy = decision.policy.name;
  plan.behavior = decision.policy.behavior;
  plan.agent = decision.agent.name;
  plan.mode = decision.mode;
  plan.keep = decision.keep;
  plan.limits = describe_limits(decision.limits, plan.cgroups);
  if (plan.ends_at)
    plan.limits.how += (plan.limits.how.empty() ? "" : "; ") +
                       base::format("ended at {}, when {} is over", base::to_rfc3339(*plan.ends_at).substr(0, 16) + "Z",
                                    plan.spec.end_reason);
  plan.home_inside = found->home;
  plan.kept_environment = kept_variables(request.caller, found->command.environment);
  isolation::LandlockPlan landlock;
  landlock.filesystem = !decision.nested;
  for (std::string& loss : isolation::foresee_landlock(landlock, landlock_abi_).degradations)
    plan.degraded.push_back(std::move(loss));
  for (std::string& note : agent_notes(decision)) plan.degraded.push_back(std::move(note));
  for (std::string& note : found->notes) plan.degraded.push_back(std::move(note));
  if (!plan.host_root && !id_maps_.degradation.empty()) plan.degraded.push_back(id_maps_.degradation);
  for (const isolation::Unenforced& missing : plan.cgroups.not_enforced)
    plan.degraded.push_back("the " + missing.limit + " limit is not enforced: " + missing.reason);
  for (std::string& note : limit_notes(decision.limits, decision.mode)) plan.degraded.push_back(std::move(note));
  if (decision.nested)
    plan.degraded.push_back(
        "nested sandboxes are allowed: /proc is not masked, and mounts and namespaces inside are the agent's own");

  core::LaunchSpec& spec = plan.spec;
  spec.workspace = request.workspace.path;
  spec.id = id.text();
  spec.name = name;
  spec.hostname = name;
  spec.state_directory = directory;
  spec.ground.uid = look.uid;
  spec.ground.gid = look.gid;
  spec.ground.host_root = plan.host_root;
  spec.ground.allow_nested = decision.nested;
  spec.ground.egress = core::opens_network(spec.egress);
  spec.ground.shared_memory = decision.limits.tmp_bytes;
  add_probe(found->mounts, options_.program_directory);
  split_mounts(spec, std::move(found->mounts));
  spec.limits = decision.limits;
  if (spec.limits.disk_bytes != 0) spec.counted = counted_directories(spec, look.home);
  spec.seccomp_program = filter_for(decision.nested, decision.mode == WorkspaceMode::live, spec.denied_calls);
  spec.restrict_exec = look.paths.restrict_exec && isolation::foresee_landlock(landlock, landlock_abi_).filesystem;
  spec.executable = std::move(found->executable);
  for (core::Layer layer : request.skipped_layers) {
    spec.ground.skipped_layers |= static_cast<uint32_t>(layer);
    plan.degraded.push_back("the layer " + std::string(core::name_of(layer)) + " is left out on request");
  }
  spec.host_ports = spec.egress.host_services;
  spec.watch_workspace = decision.mode == WorkspaceMode::cow;
  spec.keep_preimages = decision.mode == WorkspaceMode::live;
  spec.audit = decision.policy.audit;
  spec.command = std::move(found->command);
  complete(spec.command, request.caller, request.terminal);
  spec.keep_alive = request.command.empty();
  spec.log_path = directory + "/log";
  plan.subject = subject_now(decision.policy.name, decision.policy_digest);
  plan.subject.variant = variant_of(spec, request);
  plan.proof_demand = decision.policy.require_probe;
  return plan;
}

Result<EgressPlan> Planner::plan_network(core::RunRequest request, const core::Caller& asking) {
  HV_TRY(check_caller(request, options_.uid));
  Decision decision = HV_TRY(decide(request, options_.paths));
  // The variables that a sandbox keeps of its caller are few: tools are found by those of the one who asks now.
  request.caller = asking;
  HV_TRY(check_caller(request, options_.uid));
  return plan_egress(decision.policy, decision.agent, request, group_resolver(groups_, request));
}

policy::Machine Planner::machine() const {
  core::Limits all;
  all.memory_bytes = all.pids = all.io_bytes = uint64_t{1} << 30;
  all.cpu_millis = 1000;
  return machine_of(
      isolation::plan_cgroups(options_.cgroups, "any", all, isolation::find_io_device(options_.paths.sandboxes)),
      landlock_abi_);
}

Status Planner::renew(core::Groundwork& ground, const std::vector<core::IdRange>& used_ranges) const {
  if (!ground.host_root) return {};
  uint64_t seed = ground.uid_map.at(0).outside / ground.uid_map.at(0).count + 1;
  ground.uid_map = ground.gid_map = {HV_TRY(isolation::choose_root_range(seed, used_ranges))};
  return {};
}

Planned<core::Command> Planner::plan_exec(const core::ExecRequest& request, const core::RunRequest& sandbox,
                                          const std::string& directory, const core::SandboxInfo& info) {
  Result<Decision> decision = decide(sandbox, options_.paths);
  if (!decision) return std::unexpected(Refusal{std::move(decision).error()});
  core::RunRequest as_run = sandbox;
  as_run.caller = request.caller;
  if (decision->mode == WorkspaceMode::none) as_run.workspace.path.clear();
  images::PlanRequest look = plan_request(as_run, *decision, options_.user, options_.paths, directory);
  look.tools = &tools_;
  look.command = request.command;
  look.directory = request.directory.empty() ? as_run.workspace.path : request.directory;
  add_variables(look, request.environment, info.network.open, info.name);
  // The covers are there already.
  look.paths = {};
  look.uid = options_.uid == 0 ? kAgentOfRoot : request.caller.uid;
  look.gid = options_.uid == 0 ? kAgentOfRoot : request.caller.gid;
  look.home = info.home ? options_.paths.homes + "/" + *info.home + "/home" : directory + "/home";
  Result<images::Plan> plan = images::make_plan(look);
  if (!plan) return std::unexpected(refusal_of_command(plan.error()));
  complete(plan->command, request.caller, request.terminal);
  return std::move(plan->command);
}

Status prepare_directories(const LaunchPlan& plan) {
  for (const core::Mount& mount : plan.spec.mounts) {
    if (mount.kind != core::Mount::Kind::overlay) continue;
    // Owned like what lies below: as root the agent is mapped onto the owner of the workspace.
    struct stat about{};
    if (::stat(mount.source.c_str(), &about) != 0) return Failure(Error::from_errno(errno, "look at", mount.source));
    for (const char* layer : {"/upper", "/work"}) {
      std::string path = mount.upper + layer;
      if (plan.host_root && ::chown(path.c_str(), about.st_uid, about.st_gid) != 0)
        return Failure(Error::from_errno(errno, "give the owner of", path));
    }
    if (mount.target == plan.spec.workspace) HV_TRY(workspace::Baseline::begin(mount.upper + "/baseline"));
  }
  return {};
}

}  // namespace hv::service
