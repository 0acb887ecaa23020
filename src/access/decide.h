// Whether somebody may do something: two scopes, the principal's and the sandbox's own. A denial in either wins; an
// allowance in either is enough; what neither names is denied. What no agent may, and what a token leaves out, is
// denied whatever the scopes say. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "access/access.h"

namespace hv::access {

// What a token leaves of its principal's rights. A token that was minted by another carries that one's limits too.
struct TokenLimit {
  std::string id;
  std::vector<Pattern> actions;  // empty: every one
  // Empty: every one, and what is about none. Else nothing but these, and what tells nobody anything: the daemon's
  // version, and what one may oneself.
  std::vector<Pattern> sandboxes;
};

struct Subject {
  core::Principal principal;
  std::optional<std::string> role;  // of the token, for a principal that access.toml does not name
  std::vector<TokenLimit> limits;
};

// The sandbox that an action is about.
struct Resource {
  std::string name;
  std::string agent;
  std::map<std::string, std::string> labels;
  std::string made_by;  // a principal
};

enum class Scope { built_in, principal, sandbox, token };

struct Decision {
  bool allowed = false;
  bool recorded = false;  // also when it is allowed
  std::string rule;       // "roles.sandboxed: own exec", in the words of the file
  Place place;
  Scope scope = Scope::principal;
};

std::string_view scope_name(Scope scope);

// Who somebody is by the file, or else by the token.
struct Identity {
  const Role* role = nullptr;  // null for who is only named in a grant
  std::vector<std::string> ceilings;
};

class Judge {
 public:
  // `owner` is whose daemon it is; owner and root are trusted where the file does not say otherwise.
  Judge(Access access, uint32_t owner);
  // Neither copied nor moved: its indices point into the rules.
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  // Nullopt: unknown, and denied everything.
  std::optional<Identity> identify(const Subject& subject) const;
  Decision decide(const Subject& subject, core::Action action, const Resource* resource = nullptr) const;
  const Access& access() const { return access_; }
  // Whether any rule goes by the profile that a sandbox starts with.
  bool asks_for_agents() const { return asks_for_agents_; }

 private:
  struct Found;
  void weigh_role(const Role& role, const Subject& subject, std::string_view action, const Resource* resource,
                  Found& found) const;
  void weigh_sandboxes(const std::vector<const SandboxRule*>& rules, const Subject& subject, const Role* role,
                       std::string_view action, const Resource& resource, Found& found) const;

  using Grants = std::unordered_map<std::string, std::vector<const Grant*>>;
  Access access_;
  uint32_t owner_;
  bool asks_for_agents_ = false;
  Grants of_principal_;
  Grants of_role_;
  std::unordered_map<std::string, std::vector<const SandboxRule*>> of_sandbox_;  // by a name without stars
  std::vector<const SandboxRule*> of_any_sandbox_;
  std::set<std::string> named_;  // where something is allowed: a denial makes nobody known
};

}  // namespace hv::access
