#include "service/behavior_watch.h"

#include "base/format.h"
#include "base/text.h"
#include "policy/behavior.h"

namespace hv::service {

base::Result<std::unique_ptr<BehaviorWatch>> BehaviorWatch::open(const store::StoredSandbox& sandbox,
                                                                 std::shared_ptr<behavior::History> agent) {
  if (sandbox.behavior.empty()) return nullptr;
  std::vector<core::BehaviorRule> rules;
  for (const store::StoredRule& stored : sandbox.behavior) {
    rules.push_back(HV_TRY_CONTEXT(policy::behavior_from_toml(stored.text), "read a rule of behavior that was kept"));
    rules.back().origin = stored.origin;
  }
  behavior::Engine::Surroundings around{sandbox.home_inside, sandbox.info.workspace.path, std::move(agent)};
  return std::unique_ptr<BehaviorWatch>(new BehaviorWatch(std::move(rules), std::move(around), sandbox.behavior_since));
}

std::vector<store::StoredRule> BehaviorWatch::stored(const std::vector<core::BehaviorRule>& rules) {
  std::vector<store::StoredRule> all;
  for (const core::BehaviorRule& rule : rules) all.push_back({policy::behavior_to_toml(rule), rule.origin});
  return all;
}

void BehaviorWatch::throttle(const behavior::Firing& firing) {
  bool cpu = firing.response == core::Response::throttle_cpu;
  if (!cpu && firing.response != core::Response::throttle_network) return;
  throttles_[firing.response] = {firing.rule.name, cpu ? firing.rule.cpu_millis : firing.rule.network_bytes,
                                 firing.when + std::chrono::nanoseconds(firing.rule.cool_down)};
}

void BehaviorWatch::take(uint64_t sequence, const core::Event& event, std::optional<uint64_t> index) {
  if (!wants(sequence)) return;
  taken_ = sequence;
  if (sequence <= since_) return engine_.remember(event);
  for (behavior::Firing& firing : engine_.observe(event, index)) {
    if (index) {
      fired_.push_back(std::move(firing));
    } else if (!firing.rule.dry_run) {
      throttle(firing);
    }
  }
}

base::json::Object describe(const behavior::Firing& firing) {
  base::json::Object payload{{"rule", firing.rule.name},
                             {"origin", base::printable(firing.rule.origin)},
                             {"response", core::name_of(firing.response)},
                             {"dry_run", firing.rule.dry_run},
                             {"number", firing.number}};
  base::json::Array records;
  for (uint64_t record : firing.records) records.emplace_back(record);
  payload["records"] = std::move(records);
  if (firing.amount != 0) payload["amount"] = firing.amount;
  if (!firing.value.empty()) payload["value"] = base::printable(firing.value);
  if (firing.held_back != 0) payload["held_back"] = firing.held_back;
  return payload;
}

core::Risk risk_of(const behavior::Firing& firing) {
  return firing.response >= core::Response::isolate ? core::Risk::high : core::Risk::medium;
}

}  // namespace hv::service
