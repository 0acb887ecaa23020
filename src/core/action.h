// What can be asked of Hydravisor, as access.toml, tokens and records name it. Every use case of service/ has one.
#pragma once

#include "core/names.h"

namespace hv::core {

enum class Action {
  daemon_read,     // version, doctor
  daemon_manage,   // stop it, have it become another program, take away what killed processes left
  sandbox_create,  // create, run
  sandbox_read,    // ls, inspect, stats, top, wait
  sandbox_start,   // start, resume, extend
  sandbox_stop,    // stop, kill, pause
  sandbox_rename,
  sandbox_remove,
  exec,
  attach,
  logs,
  network,  // change what a running sandbox may reach
  probe,
  diff,
  apply,
  discard,
  undo,
  sync,
  policy_read,
  policy_write,
  agent_read,
  home_read,
  home_remove,
  proof_read,
  audit_read,
  audit_verify,
  audit_prune,
  token_read,
  token_create,
  token_revoke,
  access_read,   // the rules themselves
  access_check,  // what one may oneself
  access_write,  // give tokens to others, and take others' away
};

template <>
struct Names<Action> {
  static constexpr std::string_view kind = "action";
  static constexpr std::array<std::pair<Action, std::string_view>, 33> table{{
      {Action::daemon_read, "daemon.read"},
      {Action::daemon_manage, "daemon.manage"},
      {Action::sandbox_create, "sandbox.create"},
      {Action::sandbox_read, "sandbox.read"},
      {Action::sandbox_start, "sandbox.start"},
      {Action::sandbox_stop, "sandbox.stop"},
      {Action::sandbox_rename, "sandbox.rename"},
      {Action::sandbox_remove, "sandbox.remove"},
      {Action::exec, "exec"},
      {Action::attach, "attach"},
      {Action::logs, "logs"},
      {Action::network, "network"},
      {Action::probe, "probe"},
      {Action::diff, "diff"},
      {Action::apply, "apply"},
      {Action::discard, "discard"},
      {Action::undo, "undo"},
      {Action::sync, "sync"},
      {Action::policy_read, "policy.read"},
      {Action::policy_write, "policy.write"},
      {Action::agent_read, "agent.read"},
      {Action::home_read, "home.read"},
      {Action::home_remove, "home.remove"},
      {Action::proof_read, "proof.read"},
      {Action::audit_read, "audit.read"},
      {Action::audit_verify, "audit.verify"},
      {Action::audit_prune, "audit.prune"},
      {Action::token_read, "token.read"},
      {Action::token_create, "token.create"},
      {Action::token_revoke, "token.revoke"},
      {Action::access_read, "access.read"},
      {Action::access_check, "access.check"},
      {Action::access_write, "access.write"},
  }};
};

// Whether a sandbox is what the action is about, so that a grant can be limited to some of them.
constexpr bool is_about_sandboxes(Action action) {
  switch (action) {
    case Action::sandbox_create:
    case Action::sandbox_read:
    case Action::sandbox_start:
    case Action::sandbox_stop:
    case Action::sandbox_rename:
    case Action::sandbox_remove:
    case Action::exec:
    case Action::attach:
    case Action::logs:
    case Action::network:
    case Action::probe:
    case Action::diff:
    case Action::apply:
    case Action::discard:
    case Action::undo:
    case Action::sync:
    case Action::proof_read:
    case Action::audit_read:
      return true;
    default:
      return false;
  }
}

// What no agent may, whatever a file or a token says: who could do it could lift the rules for itself.
constexpr bool is_above_agents(Action action) {
  return action == Action::policy_write || action == Action::access_write || action == Action::daemon_manage ||
         action == Action::audit_prune;
}

}  // namespace hv::core
