#include "service/start_hours.h"

#include <algorithm>

#include "base/time_zone.h"
#include "policy/time_rules.h"

namespace hv::service {

using base::Failure;
using base::Status;

Status plan_time(const policy::Policy& policy, base::WallTime wall, LaunchPlan& plan) {
  if (!policy.time.any()) return {};
  base::TimeZone zone =
      HV_TRY_CONTEXT(base::TimeZone::open(policy.time.zone), "the hours of policy '" + policy.name + "'");
  base::Instant now = std::chrono::floor<std::chrono::seconds>(wall);
  policy::TimeDecision decision = policy::decide(policy.time, zone, now);
  const policy::Place* place = policy.origin(decision.key);
  if (place == nullptr && !policy.time.hours.empty()) place = policy.origin("time.hours", policy.time.hours.front());
  std::string from = place == nullptr ? "" : " (" + place->text() + ")";
  if (!decision.open) {
    std::string next = decision.next ? "it may start again " + policy::to_text(*decision.next, zone) +
                                           ", by the clock of " + zone.name()
                                     : "it may not start any more";
    return Failure(base::denied("policy '" + policy.name + "' lets nothing run now, " + policy::to_text(now, zone) +
                                from + ": " + next)
                       .with_hint("hydravisor policy check " + policy.name + " start now; another policy: --policy"));
  }
  if (!decision.until) return {};
  plan.ends_at = decision.until;
  plan.spec.end_reason = "the time that policy '" + policy.name + "' allows" + from;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*decision.until - wall);
  plan.spec.ends_in_millis = static_cast<uint64_t>(std::max<int64_t>(left.count(), 1));
  return {};
}

}  // namespace hv::service
