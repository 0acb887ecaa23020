// Who may do what, as access.toml says it: text -> Access. Pure; docs/access.md is the format's page.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/pattern.h"
#include "base/result.h"
#include "core/action.h"
#include "core/principal.h"

namespace hv::access {

// Where something was written; line 0 for what is built in.
struct Place {
  std::string file;
  uint32_t line = 0;
  // "access.toml:12", or "built in"
  std::string text() const;
};

// One entry of a list of actions.
struct Entry {
  Pattern actions;
  Place place;
};

struct Role {
  std::string name;
  std::vector<Entry> allow;
  std::vector<Entry> deny;
  std::vector<Entry> own;             // allowed on sandboxes that the principal itself made
  std::optional<std::string> policy;  // a ceiling for every sandbox that it starts
  bool recorded = false;              // also what is allowed goes into the ledger
  Place place;
};

struct Standing {
  std::string role;
  std::optional<std::string> policy;
  Place place;
};

// Which sandboxes; every condition that is given must hold, and within one any of its patterns.
struct Condition {
  std::vector<Pattern> sandboxes;   // names
  std::vector<Pattern> agents;      // profiles
  std::vector<std::string> labels;  // "name=value"
  bool empty() const { return sandboxes.empty() && agents.empty() && labels.empty(); }
};

// [[grants]]: of the principal's scope. Exactly one of principal and role is given.
struct Grant {
  std::string principal;
  std::string role;
  Condition where;
  std::vector<Entry> allow;
  std::vector<Entry> deny;
  Place place;
};

// [[sandboxes]]: of the sandbox's own scope. `principals` holds principals and "role:NAME"; empty is everybody known.
struct SandboxRule {
  Condition where;
  std::vector<std::string> principals;
  std::vector<Entry> allow;
  std::vector<Entry> deny;
  Place place;
};

struct Access {
  std::map<std::string, Standing, std::less<>> principals;
  std::map<std::string, Role, std::less<>> roles;  // the built-in ones too
  std::vector<Grant> grants;
  std::vector<SandboxRule> sandboxes;
};

inline constexpr std::string_view kTrusted = "trusted";
inline constexpr std::string_view kSandboxed = "sandboxed";
inline constexpr std::string_view kAudited = "audited";

// What holds without a file: the built-in roles, and nobody but the daemon's owner and root has one.
Access built_in();

// invalid_argument with one line for each fault: "file:line:column: key: what was expected".
base::Result<Access> parse(std::string_view text, std::string_view file);

bool is_role_name(std::string_view name);
// Why the text is no pattern of actions, or nothing: it has to match one that there is. Names the nearest, and what
// will bring an action that is not there yet.
std::optional<std::string> why_no_action(std::string_view text);
// The same of a pattern of sandboxes' names.
std::optional<std::string> why_no_sandbox(std::string_view text);

}  // namespace hv::access
