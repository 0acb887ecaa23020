// The members of what is asked of access; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

template <typename V, Same<core::TokenRequest> T>
void describe(V& v, T& x) {
  v.required("principal", x.principal);
  v.optional("role", x.role);
  v.optional("actions", x.actions);
  v.optional("sandboxes", x.sandboxes);
  v.optional("lifetime_ms", x.lifetime_ms);
}

template <typename V, Same<core::TokenInfo> T>
void describe(V& v, T& x) {
  v.required("id", x.id);
  v.required("principal", x.principal);
  v.optional("role", x.role);
  v.required("actions", x.actions);
  v.required("sandboxes", x.sandboxes);
  v.required("created", x.created);
  v.required("expires", x.expires);
  v.required("made_by", x.made_by);
  v.optional("parent", x.parent);
}

template <typename V, Same<core::TokenMade> T>
void describe(V& v, T& x) {
  v.required("token", x.token);
  v.required("info", x.info);
}

template <typename V, Same<core::AccessPrincipalInfo> T>
void describe(V& v, T& x) {
  v.required("principal", x.principal);
  v.required("role", x.role);
  v.optional("policy", x.policy);
  v.required("origin", x.origin);
}

template <typename V, Same<core::AccessRoleInfo> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("allow", x.allow);
  v.required("deny", x.deny);
  v.required("own", x.own);
  v.optional("policy", x.policy);
  v.required("recorded", x.recorded);
  v.required("origin", x.origin);
}

template <typename V, Same<core::AccessRuleInfo> T>
void describe(V& v, T& x) {
  v.required("scope", x.scope);
  v.required("who", x.who);
  v.required("where", x.where);
  v.required("allow", x.allow);
  v.required("deny", x.deny);
  v.required("origin", x.origin);
}

template <typename V, Same<core::AccessInfo> T>
void describe(V& v, T& x) {
  v.required("path", x.path);
  v.required("present", x.present);
  v.required("faults", x.faults);
  v.required("principal", x.principal);
  v.optional("role", x.role);
  v.required("ceilings", x.ceilings);
  v.required("principals", x.principals);
  v.required("roles", x.roles);
  v.required("rules", x.rules);
}

template <typename V, Same<core::AccessQuestion> T>
void describe(V& v, T& x) {
  v.optional("principal", x.principal);
  v.required("action", x.action);
  v.optional("sandbox", x.sandbox);
}

template <typename V, Same<core::AccessAnswer> T>
void describe(V& v, T& x) {
  v.required("principal", x.principal);
  v.required("action", x.action);
  v.required("verdict", x.verdict);
  v.required("rule", x.rule);
  v.required("origin", x.origin);
  v.required("scope", x.scope);
}

}  // namespace hv::wire
