#include "access/decide.h"

#include <algorithm>

#include "base/format.h"

namespace hv::access {

using base::format;

std::string_view scope_name(Scope scope) {
  switch (scope) {
    case Scope::built_in:
      return "built in";
    case Scope::principal:
      return "principal";
    case Scope::sandbox:
      return "sandbox";
    case Scope::token:
      return "token";
  }
  return "unknown";
}

namespace {

bool any_matches(const std::vector<Pattern>& patterns, std::string_view text) {
  return std::ranges::any_of(patterns, [&](const Pattern& pattern) { return pattern.matches(text); });
}

bool has_label(const Resource& resource, const std::string& label) {
  size_t equals = label.find('=');
  auto found = resource.labels.find(label.substr(0, equals));
  return found != resource.labels.end() && found->second == std::string_view(label).substr(equals + 1);
}

// What is about no sandbox meets no condition.
bool holds(const Condition& where, const Resource* resource) {
  if (where.empty()) return true;
  if (resource == nullptr) return false;
  if (!where.sandboxes.empty() && !any_matches(where.sandboxes, resource->name)) return false;
  if (!where.agents.empty() && !any_matches(where.agents, resource->agent)) return false;
  return where.labels.empty() ||
         std::ranges::any_of(where.labels, [&](const std::string& label) { return has_label(*resource, label); });
}

const Entry* first_match(const std::vector<Entry>& entries, std::string_view action) {
  auto found = std::ranges::find_if(entries, [&](const Entry& entry) { return entry.actions.matches(action); });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

// The first denial and the first allowance of a scope. Their words are made only for the one that decides.
struct Judge::Found {
  struct Hit {
    const Entry* entry = nullptr;
    std::string_view what;   // "roles", "grants", "sandboxes"
    std::string_view whose;  // of a role
    std::string_view list;   // "allow", "deny", "own"
  };
  Hit deny;
  Hit allow;

  void take(Hit& hit, const std::vector<Entry>& entries, std::string_view action, std::string_view what,
            std::string_view whose, std::string_view list) const {
    if (hit.entry != nullptr) return;
    if (const Entry* entry = first_match(entries, action)) hit = {entry, what, whose, list};
  }
  static Decision decision(const Hit& hit, bool allowed, Scope scope) {
    std::string rule = hit.whose.empty()
                           ? format("[[{}]]: {} \"{}\"", hit.what, hit.list, hit.entry->actions.text())
                           : format("[{}.{}]: {} \"{}\"", hit.what, hit.whose, hit.list, hit.entry->actions.text());
    return {allowed, false, std::move(rule), hit.entry->place, scope};
  }
};

Judge::Judge(Access access, uint32_t owner) : access_(std::move(access)), owner_(owner) {
  for (const Grant& grant : access_.grants) {
    asks_for_agents_ |= !grant.where.agents.empty();
    (grant.principal.empty() ? of_role_[grant.role] : of_principal_[grant.principal]).push_back(&grant);
    if (!grant.principal.empty() && !grant.allow.empty()) named_.insert(grant.principal);
  }
  for (const SandboxRule& rule : access_.sandboxes) {
    asks_for_agents_ |= !rule.where.agents.empty();
    bool plain = !rule.where.sandboxes.empty() && std::ranges::all_of(rule.where.sandboxes, &Pattern::is_literal);
    if (plain)
      for (const Pattern& name : rule.where.sandboxes) of_sandbox_[name.text()].push_back(&rule);
    else
      of_any_sandbox_.push_back(&rule);
    for (const std::string& principal : rule.principals)
      if (!principal.starts_with("role:") && !rule.allow.empty()) named_.insert(principal);
  }
}

std::optional<Identity> Judge::identify(const Subject& subject) const {
  Identity identity;
  std::string who = subject.principal.text();
  std::string_view role;
  if (auto found = access_.principals.find(who); found != access_.principals.end()) {
    role = found->second.role;
    if (found->second.policy) identity.ceilings.push_back(*found->second.policy);
  } else if (subject.principal.kind() == core::Principal::Kind::user &&
             (subject.principal.uid() == owner_ || subject.principal.uid() == 0)) {
    role = kTrusted;
  } else if (subject.role) {
    role = *subject.role;
  } else if (named_.contains(who)) {
    return identity;
  } else {
    return std::nullopt;
  }
  auto found = access_.roles.find(role);
  // A token whose role the file no longer has.
  if (found == access_.roles.end()) return std::nullopt;
  identity.role = &found->second;
  if (identity.role->policy && std::ranges::find(identity.ceilings, *identity.role->policy) == identity.ceilings.end())
    identity.ceilings.push_back(*identity.role->policy);
  return identity;
}

void Judge::weigh_role(const Role& role, const Subject& subject, std::string_view action, const Resource* resource,
                       Found& found) const {
  found.take(found.deny, role.deny, action, "roles", role.name, "deny");
  found.take(found.allow, role.allow, action, "roles", role.name, "allow");
  if (resource != nullptr && resource->made_by == subject.principal.text())
    found.take(found.allow, role.own, action, "roles", role.name, "own");
}

void Judge::weigh_sandboxes(const std::vector<const SandboxRule*>& rules, const Subject& subject, const Role* role,
                            std::string_view action, const Resource& resource, Found& found) const {
  std::string who = subject.principal.text();
  std::string as = role == nullptr ? "" : "role:" + role->name;
  for (const SandboxRule* rule : rules) {
    if (!holds(rule->where, &resource)) continue;
    bool meant = rule->principals.empty() || std::ranges::any_of(rule->principals, [&](const std::string& each) {
                   return each == who || (!as.empty() && each == as);
                 });
    if (!meant) continue;
    found.take(found.deny, rule->deny, action, "sandboxes", "", "deny");
    found.take(found.allow, rule->allow, action, "sandboxes", "", "allow");
  }
}

Decision Judge::decide(const Subject& subject, core::Action action, const Resource* resource) const {
  std::string_view name = core::name_of(action);
  auto deny = [](std::string rule, Scope scope) { return Decision{false, false, std::move(rule), {}, scope}; };
  if (subject.principal.is_agent() && core::is_above_agents(action))
    return deny(format("no agent may '{}': it could lift the rules for itself", name), Scope::built_in);
  std::optional<Identity> identity = identify(subject);
  if (!identity) return deny(format("{} is not known", subject.principal.text()), Scope::built_in);

  Found mine;
  if (identity->role != nullptr) weigh_role(*identity->role, subject, name, resource, mine);
  auto weigh = [&](const Grants& grants, const std::string& whose) {
    auto all = grants.find(whose);
    if (all == grants.end()) return;
    for (const Grant* grant : all->second) {
      if (!holds(grant->where, resource)) continue;
      mine.take(mine.deny, grant->deny, name, "grants", "", "deny");
      mine.take(mine.allow, grant->allow, name, "grants", "", "allow");
    }
  };
  if (identity->role != nullptr) weigh(of_role_, identity->role->name);
  weigh(of_principal_, subject.principal.text());

  Found its;
  if (resource != nullptr) {
    if (auto named = of_sandbox_.find(resource->name); named != of_sandbox_.end())
      weigh_sandboxes(named->second, subject, identity->role, name, *resource, its);
    weigh_sandboxes(of_any_sandbox_, subject, identity->role, name, *resource, its);
  }

  if (mine.deny.entry != nullptr) return Found::decision(mine.deny, false, Scope::principal);
  if (its.deny.entry != nullptr) return Found::decision(its.deny, false, Scope::sandbox);
  bool by_me = mine.allow.entry != nullptr;
  if (!by_me && its.allow.entry == nullptr)
    return deny(format("nothing allows {} '{}'", subject.principal.text(), name), Scope::built_in);
  for (const TokenLimit& limit : subject.limits) {
    if (!limit.actions.empty() && !any_matches(limit.actions, name))
      return deny(format("token {} is not for '{}'", limit.id, name), Scope::token);
    bool harmless = action == core::Action::daemon_read || action == core::Action::access_check;
    if (!limit.sandboxes.empty() && !harmless && (resource == nullptr || !any_matches(limit.sandboxes, resource->name)))
      return deny(resource == nullptr ? format("token {} is for some sandboxes only", limit.id)
                                      : format("token {} is not for sandbox '{}'", limit.id, resource->name),
                  Scope::token);
  }
  Decision decision = Found::decision(by_me ? mine.allow : its.allow, true, by_me ? Scope::principal : Scope::sandbox);
  decision.recorded = identity->role != nullptr && identity->role->recorded;
  return decision;
}

}  // namespace hv::access
