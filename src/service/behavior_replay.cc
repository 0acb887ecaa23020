#include "service/behavior_replay.h"

#include "base/text.h"
#include "behavior/pattern.h"

namespace hv::service {

std::vector<core::PolicyFiring> BehaviorReplay::take(const core::AuditRecord& record) {
  std::vector<core::PolicyFiring> firings;
  if (rules_.empty() || record.event.sandbox.empty()) return firings;
  const core::Event& event = record.event;
  auto found = engines_.find(event.sandbox);
  if (event.kind == "sandbox.starting") {
    // What probes try is not what an agent does.
    if (event.payload.contains("twin")) return firings;
    if (found == engines_.end())
      engines_.emplace(event.sandbox,
                       behavior::Engine(rules_, {std::string(behavior::text_of(event.payload, "home")),
                                                 std::string(behavior::text_of(event.payload, "workspace")), agent_}));
    else
      found->second.begin_run();
    return firings;
  }
  // Only what came from the sandbox's own stream, as when it ran.
  if (found == engines_.end() || !event.origin) return firings;
  for (const behavior::Firing& firing : found->second.observe(event, record.index))
    firings.push_back({record.index, event.sandbox, firing.rule.name, base::printable(firing.rule.origin),
                       std::string(core::name_of(firing.response)), firing.rule.dry_run, firing.records, firing.amount,
                       base::printable(firing.value)});
  return firings;
}

}  // namespace hv::service
