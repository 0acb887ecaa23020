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

namespace {

base::WallTime wall_of(base::MonotonicTime time, const base::Clock& clock) {
  return clock.wall() + (time - clock.monotonic());
}

}  // namespace

std::vector<core::BehaviorRuleInfo> BehaviorWatch::rules(const base::Clock& clock) const {
  std::vector<core::BehaviorRuleInfo> all;
  for (size_t i = 0; i < engine_.rules().size(); ++i) {
    behavior::Engine::Progress progress = engine_.progress(i);
    core::BehaviorRuleInfo& info = all.emplace_back(core::describe(engine_.rules()[i]));
    info.fired = progress.fired;
    if (progress.last) info.last_fired = wall_of(*progress.last, clock);
  }
  return all;
}

std::vector<core::ThrottleInfo> BehaviorWatch::scarce(const base::Clock& clock) const {
  std::vector<core::ThrottleInfo> all;
  for (const auto& [response, throttle] : throttles_) {
    core::ThrottleInfo& info = all.emplace_back();
    info.response = response;
    info.rule = throttle.rule;
    (response == core::Response::throttle_cpu ? info.cpu_millis : info.bytes_per_second) = throttle.left;
    info.until = wall_of(throttle.end, clock);
  }
  return all;
}

std::vector<core::BehaviorRuleInfo> describe(const std::vector<store::StoredRule>& rules) {
  std::vector<core::BehaviorRuleInfo> all;
  for (const store::StoredRule& stored : rules) {
    base::Result<core::BehaviorRule> rule = policy::behavior_from_toml(stored.text);
    if (!rule) continue;
    rule->origin = stored.origin;
    all.push_back(core::describe(*rule));
  }
  return all;
}

void set_status(std::vector<core::BehaviorRuleInfo>& rules, base::WallTime now) {
  for (core::BehaviorRuleInfo& rule : rules) {
    bool cools = rule.last_fired && now - *rule.last_fired < std::chrono::milliseconds(rule.cool_down_millis);
    rule.status = cools                        ? core::BehaviorStatus::cooling_down
                  : rule.fired.value_or(0) > 0 ? core::BehaviorStatus::fired
                                               : core::BehaviorStatus::armed;
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
