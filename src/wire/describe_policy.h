// The members of what is asked of policies; see describe.h.
#pragma once

#include "wire/describe_audit.h"
#include "wire/describe_sandbox.h"

namespace hv::wire {

template <typename V, Same<core::PolicyInfo> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("description", x.description);
  v.required("provenance", x.provenance);
  v.required_bytes("path", x.path);
  v.optional("text", x.text);
  v.optional("behavior", x.behavior);
}

template <typename V, Same<core::PolicyTextRequest> T>
void describe(V& v, T& x) {
  v.optional("text", x.text);
  v.bytes("path", x.path);
}

template <typename V, Same<core::PolicyReport> T>
void describe(V& v, T& x) {
  v.required("valid", x.valid);
  v.required("faults", x.faults);
  v.required("warnings", x.warnings);
}

template <typename V, Same<core::PolicyRuleInfo> T>
void describe(V& v, T& x) {
  v.required("key", x.key);
  v.required("value", x.value);
  v.required("origin", x.origin);
  v.required("keeper", x.keeper);
  v.required("by", x.by);
  v.required("not_covered", x.not_covered);
}

template <typename V, Same<core::PolicyExplanation> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("description", x.description);
  v.required("rules", x.rules);
  v.required("warnings", x.warnings);
}

template <typename V, Same<core::PolicyQuestion> T>
void describe(V& v, T& x) {
  v.required("question", x.question);
  v.bytes("workspace", x.workspace);
  v.bytes("home", x.home);
}

template <typename V, Same<core::PolicyAnswer> T>
void describe(V& v, T& x) {
  v.required("question", x.question);
  v.required("verdict", x.verdict);
  v.required("key", x.key);
  v.required("rule", x.rule);
  v.required("origin", x.origin);
  v.required("reason", x.reason);
  v.required("keeper", x.keeper);
  v.required("by", x.by);
}

template <typename V, Same<core::PolicyDiffRequest> T>
void describe(V& v, T& x) {
  v.required("other", x.other);
}

template <typename V, Same<core::PolicyDifference> T>
void describe(V& v, T& x) {
  v.required("effect", x.effect);
  v.required("key", x.key);
  v.required("before", x.before);
  v.required("after", x.after);
}

template <typename V, Same<core::PolicyDiff> T>
void describe(V& v, T& x) {
  v.required("before", x.before);
  v.required("after", x.after);
  v.required("items", x.items);
}

template <typename V, Same<core::PolicySimulateRequest> T>
void describe(V& v, T& x) {
  v.optional("sandbox", x.sandbox);
  v.optional("records", x.records);
  v.optional("starts", x.starts);
}

template <typename V, Same<core::PolicyDenial> T>
void describe(V& v, T& x) {
  v.required("index", x.index);
  v.required("kind", x.kind);
  v.required("answer", x.answer);
}

template <typename V, Same<core::PolicyFiring> T>
void describe(V& v, T& x) {
  v.required("index", x.index);
  v.required("sandbox", x.sandbox);
  v.required("rule", x.rule);
  v.required("origin", x.origin);
  v.required("response", x.response);
  v.required("dry_run", x.dry_run);
  v.required("records", x.records);
  v.required("amount", x.amount);
  v.required("value", x.value);
}

template <typename V, Same<core::PolicySimulation> T>
void describe(V& v, T& x) {
  v.required("policy", x.policy);
  v.required("records", x.records);
  v.required("asked", x.asked);
  v.required("denied_count", x.denied_count);
  v.required("denied", x.denied);
  v.required("fired_count", x.fired_count);
  v.required("fired", x.fired);
}

template <typename V, Same<core::PolicyLearnRequest> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
}

template <typename V, Same<core::PolicyLearned> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("text", x.text);
  v.required("records", x.records);
}

template <typename V, Same<core::PolicyWriteRequest> T>
void describe(V& v, T& x) {
  v.required("text", x.text);
  v.optional("replace", x.replace);
}

}  // namespace hv::wire
