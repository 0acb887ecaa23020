// The rules of behavior of one sandbox's run: fed with what is read from its spool, whether it is new or was recorded
// by a daemon before this one. Loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "behavior/engine.h"
#include "store/sandbox_store.h"

namespace hv::service {

class BehaviorWatch {
 public:
  // Null where there are no rules. `agent` is what the sandbox's agent was seen doing in all its sandboxes.
  static base::Result<std::unique_ptr<BehaviorWatch>> open(const store::StoredSandbox& sandbox,
                                                           std::shared_ptr<behavior::History> agent);
  // What is kept with a sandbox of its rules, to open them again.
  static std::vector<store::StoredRule> stored(const std::vector<core::BehaviorRule>& rules);

  // Whether the record with this sequence has not been taken yet: a spool is read again from its start.
  bool wants(uint64_t sequence) const { return sequence > taken_; }
  // Of a record that a daemon has judged before, without an index, what fires counts for what comes after it, and is
  // not done again.
  void take(uint64_t sequence, const core::Event& event, std::optional<uint64_t> index);
  // What has fired and is not recorded yet, in its order; whoever has recorded one takes it away.
  std::vector<behavior::Firing>& fired() { return fired_; }
  // What has become scarce, and is so still: by what made it so. Of several of a kind the last one counts.
  struct Throttle {
    std::string rule;
    uint64_t left = 0;          // processors in thousandths, or bytes a second
    base::MonotonicTime end{};  // by the clock of events
  };
  using Throttles = std::map<core::Response, Throttle>;
  const Throttles& throttles() const { return throttles_; }
  void throttle(const behavior::Firing& firing);
  void lift(core::Response response) { throttles_.erase(response); }

  // How it stands, for people: with `now` by both clocks. A cool-down that ends later is told from last_fired.
  std::vector<core::BehaviorRuleInfo> rules(const base::Clock& clock) const;
  std::vector<core::ThrottleInfo> scarce(const base::Clock& clock) const;

 private:
  BehaviorWatch(std::vector<core::BehaviorRule> rules, behavior::Engine::Surroundings around, uint64_t since)
      : engine_(std::move(rules), std::move(around)), since_(since) {}

  behavior::Engine engine_;
  uint64_t since_;  // the last record of earlier runs
  uint64_t taken_ = 0;
  std::vector<behavior::Firing> fired_;
  Throttles throttles_;
};

// What is kept with a sandbox of its rules, for people: nothing runs that they could be held against.
std::vector<core::BehaviorRuleInfo> describe(const std::vector<store::StoredRule>& rules);
// Sets the status of what was described while it ran.
void set_status(std::vector<core::BehaviorRuleInfo>& rules, base::WallTime now);

// The payload of behavior.fired.
base::json::Object describe(const behavior::Firing& firing);
core::Risk risk_of(const behavior::Firing& firing);

}  // namespace hv::service
