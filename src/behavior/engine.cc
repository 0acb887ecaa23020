#include "behavior/engine.h"

#include <algorithm>

namespace hv::behavior {

namespace {

using core::BehaviorRule;
using Form = core::BehaviorRule::Form;

// A record that stands for many of the same counts as that many.
uint64_t times(const core::Event& event) {
  return std::max<uint64_t>(number_of(event.payload, "count"), 1);
}

std::string value_of(const core::Event& event, std::string_view field) {
  if (field == "program") return std::string(program_of(event));
  if (field == "port") {
    uint64_t port = number_of(event.payload, "port");
    return port == 0 ? std::string() : std::to_string(port);
  }
  std::string_view text = text_of(event.payload, field);
  // Who was spoken to by address has no name.
  if (text.empty() && field == "host") text = text_of(event.payload, "address");
  return std::string(text);
}

}  // namespace

Engine::Engine(std::vector<BehaviorRule> rules, Surroundings around)
    : rules_(std::move(rules)), states_(rules_.size()), agent_(std::move(around.agent)) {
  for (size_t i = 0; i < rules_.size(); ++i) {
    const BehaviorRule& rule = rules_[i];
    State& state = states_[i];
    if (rule.form == Form::rate || rule.form == Form::sum) state.window.emplace(rule.window);
    state.chains.resize(rule.form == Form::sequence ? rule.patterns.size() : 0);
    // The last step first, or one event could be two steps.
    for (size_t step = rule.patterns.size(); step-- > 0;)
      for (const std::string& kind : rule.patterns[step].kinds) {
        std::vector<Interest>& interests = by_kind_[kind];
        if (std::ranges::find(interests, Interest{i, step}) == interests.end()) interests.push_back({i, step});
      }
    for (const core::EventPattern& pattern : rule.patterns)
      state.patterns.emplace_back(pattern, around.home, around.workspace);
  }
  if (auto starts = by_kind_.find("exec.started"); starts != by_kind_.end()) by_kind_["exec.repeated"] = starts->second;
}

const std::vector<Engine::Interest>* Engine::interests_of(const core::Event& event) const {
  auto found = by_kind_.find(event.kind);
  return found == by_kind_.end() ? nullptr : &found->second;
}

History& Engine::history_of(const BehaviorRule& rule) {
  return rule.history == BehaviorRule::History::agent && agent_ ? *agent_ : own_;
}

std::vector<Firing> Engine::observe(const core::Event& event, std::optional<uint64_t> record) {
  std::vector<Firing> fired;
  const std::vector<Interest>* interests = interests_of(event);
  if (interests == nullptr) return fired;
  now_ = std::max(now_, event.monotonic);
  Facts facts(event);
  for (const Interest& interest : *interests)
    if (auto firing = look(interest.rule, interest.pattern, facts, record)) fired.push_back(*std::move(firing));
  return fired;
}

void Engine::remember(const core::Event& event) {
  const std::vector<Interest>* interests = interests_of(event);
  if (interests == nullptr) return;
  Facts facts(event);
  for (const Interest& interest : *interests) {
    const BehaviorRule& rule = rules_[interest.rule];
    if (rule.form != Form::first_seen || !states_[interest.rule].patterns[0].matches(facts)) continue;
    Firing unused;
    is_new(rule, event, true, unused);
  }
}

void Engine::begin_run() {
  now_ = {};
  for (size_t i = 0; i < rules_.size(); ++i) {
    State& state = states_[i];
    if (state.window) state.window.emplace(rules_[i].window);
    std::ranges::fill(state.chains, std::nullopt);
    state.fired = state.held_back = 0;
    state.last.reset();
  }
}

bool Engine::count(State& state, const BehaviorRule& rule, const core::Event& event, uint64_t record, Firing& firing) {
  uint64_t amount =
      rule.form == Form::rate || rule.field == "count" ? times(event) : number_of(event.payload, rule.field);
  state.window->add(now_, amount, record);
  firing.amount = state.window->total(now_);
  if (firing.amount <= rule.limit) return false;
  firing.records = state.window->records(now_);
  return true;
}

// Whether the step before has been taken, and not too long ago.
bool Engine::could_step(const State& state, const BehaviorRule& rule, size_t pattern) const {
  if (pattern == 0) return true;
  const std::optional<Chain>& before = state.chains[pattern - 1];
  return before && now_ - before->begun <= std::chrono::nanoseconds(rule.window);
}

// Of all ways in which the steps so far could have been taken the one that began last is kept: whatever could still be
// completed in time by another, it completes as well.
bool Engine::step(State& state, const BehaviorRule& rule, size_t pattern, uint64_t record, Firing& firing) {
  if (!could_step(state, rule, pattern)) return false;
  Chain chain;
  if (pattern == 0) {
    chain.begun = now_;
  } else {
    chain = *state.chains[pattern - 1];
  }
  if (record != Window::kUnknown && chain.known < kMostSteps) chain.records[chain.known++] = record;
  if (pattern + 1 < rule.patterns.size()) {
    state.chains[pattern] = chain;
    return false;
  }
  firing.records.assign(chain.records.begin(), chain.records.begin() + chain.known);
  std::ranges::fill(state.chains, std::nullopt);
  return true;
}

bool Engine::is_new(const BehaviorRule& rule, const core::Event& event, bool keep, Firing& firing) {
  std::string value = value_of(event, rule.field);
  History& history = history_of(rule);
  if (value.empty() || history.contains(rule.name, rule.field, value)) return false;
  if (keep) history.add(rule.name, rule.field, value);
  firing.value = std::move(value);
  return true;
}

std::optional<Firing> Engine::look(size_t index, size_t pattern, Facts& facts, std::optional<uint64_t> known) {
  const BehaviorRule& rule = rules_[index];
  State& state = states_[index];
  // Most events find no step before them, and need not be looked at.
  if (rule.form == Form::sequence && !could_step(state, rule, pattern)) return std::nullopt;
  if (!state.patterns[pattern].matches(facts)) return std::nullopt;
  const core::Event& event = facts.event();
  uint64_t record = known.value_or(Window::kUnknown);
  bool cools = state.last && now_ - *state.last < std::chrono::nanoseconds(rule.cool_down);
  Firing firing;
  bool fires = false;
  switch (rule.form) {
    case Form::rate:
    case Form::sum:
      fires = count(state, rule, event, record, firing);
      break;
    case Form::sequence:
      fires = step(state, rule, pattern, record, firing);
      break;
    case Form::first_seen:
      // What is met while the rule is held back stays new.
      fires = is_new(rule, event, !cools, firing);
      if (fires && known) firing.records = {*known};
      break;
  }
  if (!fires) return std::nullopt;
  if (cools) {
    ++state.held_back;
    return std::nullopt;
  }
  // What it fired for is spent: the next firing takes as much again.
  if (state.window) state.window->clear();
  state.last = now_;
  firing.rule = rule;
  firing.number = ++state.fired;
  firing.response = rule.responses[std::min<size_t>(state.fired, rule.responses.size()) - 1];
  firing.held_back = std::exchange(state.held_back, 0);
  firing.when = now_;
  return firing;
}

}  // namespace hv::behavior
