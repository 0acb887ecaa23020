// What is asked of access, and answered: the words of `hydravisor access` and `hydravisor token`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/action.h"
#include "core/egress.h"

namespace hv::core {

struct TokenRequest {
  std::string principal;               // whose: "agent:ci"
  std::optional<std::string> role;     // of a principal that access.toml does not name
  std::vector<std::string> actions;    // patterns; none: all that the principal may
  std::vector<std::string> sandboxes;  // patterns of names; none: all
  std::optional<uint64_t> lifetime_ms;
};

struct TokenInfo {
  std::string id;
  std::string principal;
  std::optional<std::string> role;
  std::vector<std::string> actions;
  std::vector<std::string> sandboxes;
  base::WallTime created{};
  base::WallTime expires{};
  std::string made_by;                // a principal
  std::optional<std::string> parent;  // the token that minted it
};

// The only time that the token itself is told.
struct TokenMade {
  std::string token;
  TokenInfo info;
};

struct AccessPrincipalInfo {
  std::string principal;
  std::string role;
  std::optional<std::string> policy;
  std::string origin;  // "/etc/hydravisor/access.toml:4"
};

struct AccessRoleInfo {
  std::string name;
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::vector<std::string> own;  // allowed on sandboxes that the principal made
  std::optional<std::string> policy;
  bool recorded = false;
  std::string origin;
};

// A grant of the principal's scope, or a rule of the sandbox's own.
struct AccessRuleInfo {
  std::string scope;  // "principal" or "sandbox"
  std::vector<std::string> who;
  std::vector<std::string> where;  // "sandbox web-*", "agent claude", "label team=web"
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::string origin;
};

struct AccessInfo {
  std::string path;
  bool present = false;
  std::vector<std::string> faults;  // while there are any, next to nothing is allowed to anybody
  std::string principal;            // who asks
  std::optional<std::string> role;
  std::vector<std::string> ceilings;  // policies that no sandbox of theirs goes beyond
  std::vector<AccessPrincipalInfo> principals;
  std::vector<AccessRoleInfo> roles;
  std::vector<AccessRuleInfo> rules;
};

struct AccessQuestion {
  std::optional<std::string> principal;  // absent: who asks
  Action action = Action::access_check;
  std::optional<std::string> sandbox;
};

struct AccessAnswer {
  std::string principal;
  Action action = Action::access_check;
  Verdict verdict = Verdict::deny;
  std::string rule;
  std::string origin;  // "access.toml:12", or "built in"
  std::string scope;   // "principal", "sandbox", "token", "built in"
};

}  // namespace hv::core
