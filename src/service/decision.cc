#include "service/decision.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "config/config.h"
#include "policy/catalog.h"
#include "policy/keys.h"
#include "service/ceiling.h"
#include "service/grants.h"
#include "service/limits.h"
#include "service/proof_subject.h"

namespace hv::service {

using base::Failure;
using base::Result;
using core::WorkspaceMode;

namespace {

// How much of the host's directory a mode gives: a policy that says read-only or nothing is a ceiling.
int reach_of(WorkspaceMode mode) {
  return mode == WorkspaceMode::none ? 0 : mode == WorkspaceMode::ro ? 1 : 2;
}

// The request over config.toml over the policy. What was said by name is refused above the ceiling, a default lowered.
Result<WorkspaceMode> choose_mode(const core::RunRequest& request, const config::Config& config,
                                  const policy::Policy& policy) {
  bool ceiling = reach_of(policy.workspace) < reach_of(WorkspaceMode::cow);
  WorkspaceMode wanted = request.workspace.mode.value_or(config.workspace.value_or(policy.workspace));
  if (request.copy_only && wanted == WorkspaceMode::live) {
    if (request.workspace.mode)
      return Failure(base::denied("who starts this sandbox may not change the host's files: its workspace is a copy")
                         .with_hint("leave --workspace out; a person applies what is good: hydravisor apply"));
    wanted = WorkspaceMode::cow;
  }
  if (!ceiling || reach_of(wanted) <= reach_of(policy.workspace)) return wanted;
  if (!request.workspace.mode) return policy.workspace;
  return Failure(base::denied("policy '" + policy.name + "' does not let the sandbox " +
                              (wanted == WorkspaceMode::ro ? "read" : "change") + " the workspace")
                     .with_hint("leave --workspace out, or choose another policy: --policy restricted"));
}

Result<bool> choose_nesting(const core::RunRequest& request, const policy::Policy& policy) {
  if (request.allow_nested.value_or(false) && !policy.nested_sandboxes)
    return Failure(base::denied("policy '" + policy.name + "' does not allow nested sandboxes")
                       .with_hint("choose one that does: --policy standard"));
  return policy.nested_sandboxes && request.allow_nested.value_or(true);
}

images::PathRules path_rules(const policy::Policy& policy) {
  images::PathRules rules;
  rules.hide = policy.hide;
  rules.restrict_exec = policy.exec.fallback == core::Verdict::deny;
  if (rules.restrict_exec) rules.exec_allow = policy.exec.allow;
  rules.exec_deny = policy.exec.deny;
  return rules;
}

}  // namespace

Result<Decision> decide(const core::RunRequest& request, const core::Paths& paths) {
  Decision decision;
  config::Config config =
      HV_TRY(config::load({paths.system_config_file, paths.config_file, request.caller.environment}));
  std::string policy = under_ceiling(request.policy.value_or(config.default_policy), request.ceiling.value_or(""));
  decision.policy = HV_TRY(policy::Catalog(paths.policies).load(policy));
  decision.policy_digest = policy_digest(decision.policy);
  images::AgentCatalog agents(paths.agents);
  const std::string command = request.command.empty() ? "" : request.command[0];
  decision.agent = HV_TRY(request.agent ? agents.load(*request.agent) : agents.find(command));
  decision.mode = HV_TRY(choose_mode(request, config, decision.policy));
  decision.keep = request.keep.value_or(config.keep);
  HV_TRY(add_grants(request, decision.policy));
  decision.nested = HV_TRY(choose_nesting(request, decision.policy));
  decision.limits = decide_limits(request.limits, decision.policy.limits);
  return decision;
}

images::PlanRequest plan_request(const core::RunRequest& request, const Decision& decision, const std::string& user,
                                 const core::Paths& paths, const std::string& directory) {
  images::PlanRequest plan;
  plan.host = {request.caller, user, {}};
  plan.agent = decision.agent;
  plan.mode = decision.mode;
  plan.workspace = request.workspace.path;
  plan.rootfs = request.rootfs;
  plan.read = decision.policy.read;
  plan.write = decision.policy.write;
  plan.pass = decision.policy.pass;
  plan.pass.insert(plan.pass.end(), decision.agent.pass.begin(), decision.agent.pass.end());
  plan.set = decision.policy.set;
  plan.set.insert(plan.set.end(), decision.agent.set.begin(), decision.agent.set.end());
  plan.paths = path_rules(decision.policy);
  plan.own_directories = {paths.config, paths.state, paths.runtime};
  plan.state_directory = directory;
  plan.cache = paths.cache;
  plan.tmp_bytes = decision.limits.tmp_bytes;
  return plan;
}

std::vector<std::string> agent_notes(const Decision& decision) {
  std::vector<std::string> notes;
  const images::AgentProfile& agent = decision.agent;
  if (agent.memory_floor != 0 && decision.limits.memory_bytes != 0 && decision.limits.memory_bytes < agent.memory_floor)
    notes.push_back(agent.name + " needs " + base::to_text(base::ByteCount{agent.memory_floor}) +
                    " of memory and may use " + base::to_text(base::ByteCount{decision.limits.memory_bytes}) +
                    ": raise it with --memory");
  if (agent.sandboxes_commands && !decision.nested)
    notes.push_back(agent.name + " puts its commands into a sandbox of its own, which policy '" + decision.policy.name +
                    "' does not allow: use --policy standard" +
                    (agent.sandbox_off.empty() ? "" : ", or turn it off: " + base::join(agent.sandbox_off, " ")));
  return notes;
}

Result<std::vector<std::string>> accept_losses(const core::RunRequest& request, const Decision& decision,
                                               const policy::Machine& machine) {
  policy::Policy policy = decision.policy;
  policy.nested_sandboxes = decision.nested;
  policy.limits = decision.limits;
  std::vector<std::string> known = policy::degradable_keys();
  for (const std::string& key : request.allow_degraded)
    if (std::ranges::find(known, key) == known.end()) {
      auto near = base::nearest(key, known);
      return Failure(
          base::invalid_argument("--allow-degraded: no policy has a key '" + base::printable(key.substr(0, 64)) + "'")
              .with_hint(near ? "did you mean '" + *near + "'?" : "hydravisor policy explain lists the keys"));
    }
  std::vector<std::string> losses;
  for (const policy::Unkept& unkept : policy::unkept_of(policy, request.tier, machine)) {
    // A limit that an option names was accepted with --accept-unenforced, or has been refused already.
    bool accepted = unkept.accepted ||
                    std::ranges::find(request.allow_degraded, unkept.key) != request.allow_degraded.end() ||
                    (unkept.key.starts_with("limits.") && request.limits.accept_unenforced);
    if (!accepted) {
      std::string from = unkept.place.line == 0 ? "" : unkept.place.text() + ": ";
      return Failure(base::unsupported(from + "policy '" + policy.name + "' sets " + unkept.key +
                                       ", which cannot be kept on this machine: " + unkept.why)
                         .with_hint("accept that with --allow-degraded " + unkept.key +
                                    ", or in the policy: [security] allow_degraded = [\"" + unkept.key + "\"]"));
    }
    // Limits are told in a moment, with parts of them that are missing.
    if (unkept.key.starts_with("limits.")) continue;
    losses.push_back(unkept.key + " is not enforced: " + unkept.why +
                     (unkept.remains.empty() ? "" : "; " + unkept.remains));
  }
  return losses;
}

}  // namespace hv::service
