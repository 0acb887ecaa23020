// The members of probes and what they prove; see describe.h.
#pragma once

#include "wire/describe.h"

namespace hv::wire {

template <typename V, Same<core::ProbeRequest> T>
void describe(V& v, T& x) {
  v.optional("control", x.control);
  v.optional("ids", x.ids);
  v.optional("sign", x.sign);
}

template <typename V, Same<core::ProbeResult> T>
void describe(V& v, T& x) {
  v.required("id", x.id);
  v.required("category", x.category);
  v.required("status", x.status);
  v.required("detail", x.detail);
  v.optional("layers", x.layers);
}

template <typename V, Same<core::ProbeReport> T>
void describe(V& v, T& x) {
  v.required("sandbox", x.sandbox);
  v.required("results", x.results);
  v.optional("proof", x.proof);
}

template <typename V, Same<core::ProofSubject> T>
void describe(V& v, T& x) {
  v.required("policy", x.policy);
  v.required("policy_digest", x.policy_digest);
  v.required("plan_digest", x.plan_digest);
  v.required("variant", x.variant);
  v.required("kernel", x.kernel);
  v.required("machine", x.machine);
  v.required("version", x.version);
}

template <typename V, Same<core::Proof> T>
void describe(V& v, T& x) {
  v.required("name", x.name);
  v.required("subject", x.subject);
  v.required("held", x.held);
  v.required("layers", x.layers);
  v.required("degraded", x.degraded);
  v.required("verdicts", x.verdicts);
  v.required("failed", x.failed);
}

template <typename V, Same<core::ProofInfo> T>
void describe(V& v, T& x) {
  v.required("index", x.index);
  v.required("time", x.time);
  v.required("sandbox", x.sandbox);
  v.required("durability", x.durability);
  v.required("stale", x.stale);
  v.required("proof", x.proof);
}

}  // namespace hv::wire
