// Rules on one sandbox's stream of events: what has happened goes in, in its order, and what fires comes out. Pure but
// for a history on disk; bounded in memory, whatever the sandbox does; the cost of an event depends on the rules that
// look at its kind, not on what went before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "behavior/history.h"
#include "behavior/pattern.h"
#include "behavior/window.h"
#include "core/behavior.h"
#include "core/event.h"

namespace hv::behavior {

struct Firing {
  core::BehaviorRule rule;
  core::Response response = core::Response::alert;
  uint64_t number = 1;            // how often the rule has fired in this run
  std::vector<uint64_t> records;  // ledger indexes of the events that caused it, the oldest first; at most 64
  uint64_t amount = 0;            // of a rate and a sum: what it came to
  std::string value;              // of what is first seen
  uint64_t held_back = 0;         // how often it would have fired since the last time, but for the cool-down
  base::MonotonicTime when{};
};

class Engine {
 public:
  struct Surroundings {
    std::string home;
    std::string workspace;
    // Of the sandbox's agent, for rules that ask for it; null: as if it had none.
    std::shared_ptr<History> agent;
  };

  Engine(std::vector<core::BehaviorRule> rules, Surroundings around);

  // `record` is the event's index in the ledger, if it is known.
  std::vector<Firing> observe(const core::Event& event, std::optional<uint64_t> record);
  // Of an earlier run of the same sandbox: it counts for what was seen before, and for nothing else.
  void remember(const core::Event& event);

  // The same sandbox starts anew: only what was seen before still counts.
  void begin_run();

  const std::vector<core::BehaviorRule>& rules() const { return rules_; }
  struct Progress {
    uint64_t fired = 0;  // in this run
    std::optional<base::MonotonicTime> last;
  };
  Progress progress(size_t rule) const { return {states_[rule].fired, states_[rule].last}; }

 private:
  // Of a sequence whose records are named; of a longer one those of the first steps.
  static constexpr size_t kMostSteps = 8;
  // How far a sequence has come: the records of its steps, and when it began.
  struct Chain {
    base::MonotonicTime begun{};
    uint32_t known = 0;  // of the records
    std::array<uint64_t, kMostSteps> records{};
  };
  struct State {
    std::vector<Pattern> patterns;
    std::optional<Window> window;
    std::vector<std::optional<Chain>> chains;  // by steps taken; of several the one that began last
    uint64_t fired = 0;
    uint64_t held_back = 0;
    std::optional<base::MonotonicTime> last;
  };
  // Which pattern of which rule looks at a kind.
  struct Interest {
    size_t rule = 0;
    size_t pattern = 0;
    bool operator==(const Interest&) const = default;
  };

  const std::vector<Interest>* interests_of(const core::Event& event) const;
  std::optional<Firing> look(size_t rule, size_t pattern, Facts& facts, std::optional<uint64_t> record);
  bool could_step(const State& state, const core::BehaviorRule& rule, size_t pattern) const;
  bool count(State& state, const core::BehaviorRule& rule, const core::Event& event, uint64_t record, Firing& firing);
  bool step(State& state, const core::BehaviorRule& rule, size_t pattern, uint64_t record, Firing& firing);
  bool is_new(const core::BehaviorRule& rule, const core::Event& event, bool keep, Firing& firing);
  History& history_of(const core::BehaviorRule& rule);

  std::vector<core::BehaviorRule> rules_;
  std::vector<State> states_;
  std::unordered_map<std::string, std::vector<Interest>> by_kind_;
  std::shared_ptr<History> agent_;
  History own_;
  base::MonotonicTime now_{};
};

}  // namespace hv::behavior
