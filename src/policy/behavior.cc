#include "policy/behavior.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "core/egress_text.h"
#include "core/event_kinds.h"
#include "policy/keys.h"

namespace hv::policy {

namespace {

using base::format;
using base::toml::Element;
using base::toml::Table;
using core::BehaviorRule;
using core::EventPattern;
using Form = core::BehaviorRule::Form;
using Texts = std::vector<std::string>;

constexpr std::chrono::milliseconds kShortest{1000};
constexpr std::chrono::milliseconds kLongest{std::chrono::hours(24 * 30)};
constexpr size_t kMostItems = 256;  // of one condition

std::string quoted(std::string_view text) {
  return format("\"{}\"", base::printable(text));
}

std::string with_nearest(std::string message, std::string_view text, const Texts& known) {
  if (auto near = base::nearest(text, known)) message += format(" (did you mean '{}'?)", *near);
  return message;
}

// A text, or a list of them.
Texts read_texts(Table& table, std::string_view key) {
  if (table.is_text(key)) return {*table.string(key)};
  Texts texts;
  for (const Element& element : table.elements(key, "a string or an array of strings")) {
    if (element.text)
      texts.push_back(*element.text);
    else
      table.fault_at(key, element.index, "expected a string");
  }
  if (table.has(key) && texts.empty()) table.fault(key, "expected at least one");
  if (texts.size() > kMostItems) {
    table.fault(key, format("expected at most {}", kMostItems));
    texts.resize(kMostItems);
  }
  return texts;
}

void fault_at_text(Table& table, std::string_view key, size_t index, const std::string& message) {
  table.is_text(key) ? table.fault(key, message) : table.fault_at(key, index, message);
}

Texts names_of_kinds() {
  Texts names;
  for (const core::StreamKind& kind : core::stream_kinds()) names.emplace_back(kind.name);
  return names;
}

std::optional<std::string> why_no_kind(const std::string& name) {
  if (core::find_stream_kind(name) != nullptr) return std::nullopt;
  if (name == "exec.repeated") return "\"exec.started\" counts these too; say that";
  if (core::find_event_kind(name) != nullptr)
    return format("{} is not of a sandbox's own stream, which rules look at; known here: {}", name,
                  base::join(names_of_kinds(), ", "));
  return with_nearest(format("expected a kind of event, found {}", quoted(name)), name, names_of_kinds());
}

// The kinds that have what a condition asks for; each of the rule's has to, or the condition could never hold for it.
void require_field(Table& table, std::string_view key, const EventPattern& pattern, std::string_view field) {
  if (!table.has(key)) return;
  for (const std::string& name : pattern.kinds) {
    const core::StreamKind* kind = core::find_stream_kind(name);
    if (kind == nullptr || core::has_field(*kind, field)) continue;
    if (name == "exec.started" && field == "program")
      return table.fault(key,
                         "what exec.started says of its program is claimed by the agent, and nothing is decided on "
                         "that; expected kind = \"exec.observed\"");
    Texts having;
    for (const core::StreamKind& each : core::stream_kinds())
      if (core::has_field(each, field)) having.emplace_back(each.name);
    return table.fault(key, format("{} has no {}; these have: {}", name, field, base::join(having, ", ")));
  }
}

std::vector<core::Glob> read_globs(Table& table, std::string_view key) {
  std::vector<core::Glob> globs;
  Texts texts = read_texts(table, key);
  for (size_t i = 0; i < texts.size(); ++i) {
    base::Result<core::Glob> glob = core::Glob::parse(texts[i]);
    if (glob)
      globs.push_back(*std::move(glob));
    else
      fault_at_text(table, key, i, glob.error().message());
  }
  return globs;
}

std::vector<core::HostPattern> read_hosts(Table& table) {
  std::vector<core::HostPattern> hosts;
  Texts texts = read_texts(table, "host");
  for (size_t i = 0; i < texts.size(); ++i) {
    base::Result<core::HostPattern> host = core::parse_pattern(texts[i]);
    if (!host)
      fault_at_text(table, "host", i, host.error().message());
    else if (host->kind == core::HostPattern::Kind::group)
      fault_at_text(table, "host", i, "a group stands for hosts in [network] only; expected a name or an address");
    else
      hosts.push_back(*std::move(host));
  }
  return hosts;
}

EventPattern read_pattern(Table table) {
  EventPattern pattern;
  if (!table.has("kind")) table.required_string("kind");
  pattern.kinds = read_texts(table, "kind");
  for (size_t i = 0; i < pattern.kinds.size(); ++i)
    if (auto why = why_no_kind(pattern.kinds[i])) fault_at_text(table, "kind", i, *why);
  pattern.hosts = read_hosts(table);
  pattern.paths = read_globs(table, "path");
  pattern.programs = read_globs(table, "program");
  Texts verdicts = read_texts(table, "verdict");
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (auto verdict = core::parse_name<core::Verdict>(verdicts[i]))
      pattern.verdicts.push_back(*verdict);
    else
      fault_at_text(table, "verdict", i,
                    with_nearest(format("expected one of allow, ask, deny; found {}", quoted(verdicts[i])), verdicts[i],
                                 {"allow", "ask", "deny"}));
  }
  if (auto risk = table.choice("risk", {"info", "low", "medium", "high"}))
    pattern.least_risk = core::Names<core::Risk>::table[*risk].first;
  for (std::string_view key : {"host", "path", "program", "verdict"}) require_field(table, key, pattern, key);
  table.finish();
  return pattern;
}

void read_time(Table& table, std::string_view key, std::chrono::milliseconds& time) {
  auto text = table.string(key);
  if (!text) return;
  auto parsed = base::parse_duration(*text);
  if (!parsed || *parsed < kShortest || *parsed > kLongest)
    table.fault(key, format("expected a time from 1s to 30d, such as \"10s\"; found {}", quoted(*text)));
  else
    time = *parsed;
}

std::optional<core::Response> read_response(Table& table, const std::string& text, size_t index) {
  auto fault = [&](const std::string& message) -> std::optional<core::Response> {
    fault_at_text(table, "response", index, message);
    return std::nullopt;
  };
  if (text == "snapshot") return fault("there are no snapshots in this version: it comes with them");
  if (auto response = core::parse_name<core::Response>(text)) return *response;
  Texts known;
  for (auto [response, name] : core::Names<core::Response>::table) known.emplace_back(name);
  return fault(
      with_nearest(format("expected one of {}; found {}", base::join(known, ", "), quoted(text)), text, known));
}

void read_responses(Table& table, BehaviorRule& rule) {
  Texts texts = read_texts(table, "response");
  for (size_t i = 0; i < texts.size(); ++i)
    if (auto response = read_response(table, texts[i], i)) rule.responses.push_back(*response);
  if (!table.has("response")) rule.responses = {core::Response::alert};
  read_time(table, "cool_down", rule.cool_down);
  auto wants = [&](core::Response response) {
    return std::ranges::find(rule.responses, response) != rule.responses.end();
  };
  bool wants_cpu = wants(core::Response::throttle_cpu);
  if (wants_cpu) rule.cpu_millis = core::kThrottledCpuMillis;
  if (auto cpus = table.number("cpus")) {
    if (!wants_cpu)
      table.fault("cpus", "is what \"throttle-cpu\" leaves, and the rule has no such response");
    else if (*cpus >= 0.01 && *cpus <= 4096)
      rule.cpu_millis = static_cast<uint32_t>(std::lround(*cpus * 1000));
    else
      table.fault("cpus", format("expected a number of processors from 0.01 to 4096, found {}", *cpus));
  }
  bool wants_network = wants(core::Response::throttle_network);
  if (wants_network) rule.network_bytes = core::kThrottledNetworkBytes;
  if (auto network = table.string("network")) {
    auto bytes = base::parse_bytes(*network);
    if (!wants_network)
      table.fault("network", "is what \"throttle-network\" leaves, and the rule has no such response");
    else if (!bytes || bytes->value < core::kLeastNetworkBytes)
      table.fault("network", format("expected a size of at least 1KiB, for each second, such as \"64KiB\"; found {}",
                                    quoted(*network)));
    else
      rule.network_bytes = bytes->value;
  }
}

template <size_t count>
void read_field(Table& table, std::string_view key, const std::array<std::string_view, count>& known,
                BehaviorRule& rule) {
  Texts names(known.begin(), known.end());
  if (auto index = table.choice(key, names)) {
    rule.field = names[*index];
    if (!rule.patterns.empty()) require_field(table, key, rule.patterns.front(), rule.field);
  }
}

// "100MiB" of bytes, "10m" of milliseconds, and of everything a number.
void read_limit(Table& table, BehaviorRule& rule) {
  constexpr std::string_view key = "more_than";
  if (!table.is_text(key)) {
    rule.limit = static_cast<uint64_t>(table.integer(key, 0, int64_t{1} << 60).value_or(0));
    return;
  }
  std::string text = *table.string(key);
  if (rule.form == Form::sum && rule.field.starts_with("bytes")) {
    auto bytes = base::parse_bytes(text);
    if (bytes)
      rule.limit = bytes->value;
    else
      table.fault(key, format("expected a size such as \"100MiB\"; found {}", quoted(text)));
  } else if (rule.form == Form::sum && rule.field == "milliseconds") {
    auto time = base::parse_duration(text);
    if (time)
      rule.limit = static_cast<uint64_t>(time->count());
    else
      table.fault(key, format("expected a time such as \"10m\"; found {}", quoted(text)));
  } else {
    table.fault(key, format("expected a number, found {}", quoted(text)));
  }
}

void read_sequence(Table& table, BehaviorRule& rule) {
  for (Element& element : table.elements("sequence", "an array of tables such as {kind = \"exec.observed\"}")) {
    if (element.table)
      rule.patterns.push_back(read_pattern(*std::move(element.table)));
    else
      table.fault_at("sequence", element.index, "expected a table such as {kind = \"exec.observed\"}");
  }
  if (rule.patterns.size() < 2 || rule.patterns.size() > kLongestSequence)
    table.fault("sequence", format("expected 2 to {} steps", kLongestSequence));
}

// Which keys a form needs and which it cannot have.
void hold_form(Table& table, Form form) {
  struct Use {
    std::string_view key;
    std::array<int, 4> by_form;  // of Form: 1 needed, 0 may not be there, 2 as one likes
    std::string_view example;
  };
  constexpr Use kUses[] = {{"when", {1, 1, 0, 1}, "{kind = \"exec.started\"}"},
                           {"more_than", {1, 1, 0, 0}, "100"},
                           {"in", {1, 1, 1, 0}, "\"10s\""},
                           {"history", {0, 0, 0, 2}, "\"agent\""}};
  constexpr std::array<std::string_view, 4> kForms = {"a rate", "a sum", "a sequence", "what is first seen"};
  for (const Use& use : kUses) {
    int wish = use.by_form[static_cast<size_t>(form)];
    if (wish == 0 && table.has(use.key))
      table.fault(use.key, format("has no meaning for {}", kForms[static_cast<size_t>(form)]));
    if (wish == 1 && !table.has(use.key))
      table.fault(use.key, format("{} needs it: {} = {}", kForms[static_cast<size_t>(form)], use.key, use.example));
  }
}

std::optional<BehaviorRule> read_rule(Table table) {
  BehaviorRule rule;
  rule.cool_down = core::kCoolDown;
  std::optional<std::string> name = table.required_string("name");
  if (name && !is_policy_name(*name))
    table.fault("name", format("expected letters, digits, '-' and '_', at most 64 of them; found {}", quoted(*name)));
  rule.name = name.value_or("");
  int forms = static_cast<int>(table.has("sequence")) + static_cast<int>(table.has("sum")) +
              static_cast<int>(table.has("first_seen"));
  if (forms > 1)
    table.fault("name", "expected one of 'sequence', 'sum', 'first_seen', or none of them and 'more_than' for a rate");
  rule.form = table.has("sequence")     ? Form::sequence
              : table.has("sum")        ? Form::sum
              : table.has("first_seen") ? Form::first_seen
                                        : Form::rate;
  hold_form(table, rule.form);
  if (rule.form == Form::sequence)
    read_sequence(table, rule);
  else if (table.has("when"))
    rule.patterns.push_back(read_pattern(table.table("when")));
  if (rule.form == Form::sum) read_field(table, "sum", core::kSummedFields, rule);
  if (rule.form == Form::first_seen) read_field(table, "first_seen", core::kSeenFields, rule);
  if (table.has("more_than")) read_limit(table, rule);
  read_time(table, "in", rule.window);
  if (auto index = table.choice("history", {"sandbox", "agent"}))
    rule.history = core::Names<BehaviorRule::History>::table[*index].first;
  read_responses(table, rule);
  rule.dry_run = table.boolean("dry_run").value_or(false);
  for (std::string_view key : {"when", "sequence", "sum", "first_seen", "more_than", "in"}) table.allow(key);
  table.finish();
  if (!name) return std::nullopt;
  return rule;
}

std::string list_to_toml(const Texts& texts) {
  Texts quotes;
  for (const std::string& text : texts) quotes.push_back(quote_toml(text));
  return quotes.size() == 1 ? quotes.front() : format("[{}]", base::join(quotes, ", "));
}

std::string pattern_to_toml(const EventPattern& pattern) {
  auto texts_of = [](const auto& items, auto text) {
    Texts texts;
    for (const auto& item : items) texts.push_back(text(item));
    return texts;
  };
  std::string text = format("{{kind = {}", list_to_toml(pattern.kinds));
  auto add = [&](std::string_view key, const Texts& texts) {
    if (!texts.empty()) text += format(", {} = {}", key, list_to_toml(texts));
  };
  add("host", texts_of(pattern.hosts, [](const core::HostPattern& host) { return core::to_text(host); }));
  add("path", texts_of(pattern.paths, [](const core::Glob& glob) { return glob.text(); }));
  add("program", texts_of(pattern.programs, [](const core::Glob& glob) { return glob.text(); }));
  add("verdict", texts_of(pattern.verdicts, [](core::Verdict verdict) { return std::string(core::name_of(verdict)); }));
  if (pattern.least_risk) text += format(", risk = \"{}\"", core::name_of(*pattern.least_risk));
  return text + "}";
}

std::string time_to_toml(std::chrono::milliseconds time) {
  uint64_t millis = static_cast<uint64_t>(time.count());
  return millis % 1000 == 0 ? format("\"{}s\"", millis / 1000) : format("\"{}ms\"", millis);
}

}  // namespace

void read_behavior(Table table, std::string_view name, std::string_view file, Policy& policy) {
  for (Element& element : table.elements("rules", "an array of tables: [[behavior.rules]]")) {
    if (!element.table) {
      table.fault_at("rules", element.index, "expected a table: [[behavior.rules]]");
      continue;
    }
    if (policy.behavior.size() == kMostBehaviorRules) {
      table.fault_at("rules", element.index, format("expected at most {} rules", kMostBehaviorRules));
      break;
    }
    std::optional<BehaviorRule> rule = read_rule(*std::move(element.table));
    if (!rule) continue;
    if (std::ranges::find(policy.behavior, rule->name, &BehaviorRule::name) != policy.behavior.end()) {
      table.fault_at("rules", element.index, format("a rule named {} is there already", quoted(rule->name)));
      continue;
    }
    rule->origin = format("{}:{}", file, element.line);
    policy.origins.try_emplace(origin_key(kBehaviorRules, rule->name),
                               Place{std::string(name), std::string(file), element.line, element.column});
    policy.behavior.push_back(*std::move(rule));
  }
  table.finish();
}

std::string behavior_to_toml(const BehaviorRule& rule) {
  std::string text = format("{{name = {}", quote_toml(rule.name));
  if (rule.form == Form::sequence) {
    Texts steps;
    for (const EventPattern& pattern : rule.patterns) steps.push_back(pattern_to_toml(pattern));
    text += format(", sequence = [{}]", base::join(steps, ", "));
  } else {
    text += format(", when = {}", pattern_to_toml(rule.patterns.front()));
  }
  if (rule.form == Form::sum) text += format(", sum = {}", quote_toml(rule.field));
  if (rule.form == Form::first_seen)
    text += format(", first_seen = {}, history = \"{}\"", quote_toml(rule.field), core::name_of(rule.history));
  if (rule.form == Form::rate || rule.form == Form::sum) text += format(", more_than = {}", rule.limit);
  if (rule.window.count() != 0) text += format(", in = {}", time_to_toml(rule.window));
  Texts responses;
  for (core::Response response : rule.responses) responses.emplace_back(core::name_of(response));
  text += format(", response = {}, cool_down = {}", list_to_toml(responses), time_to_toml(rule.cool_down));
  if (rule.cpu_millis != 0) text += format(", cpus = {}", rule.cpu_millis / 1000.0);
  if (rule.network_bytes != 0) text += format(", network = \"{}B\"", rule.network_bytes);
  if (rule.dry_run) text += ", dry_run = true";
  return text + "}";
}

base::Result<BehaviorRule> behavior_from_toml(std::string_view text) {
  Policy policy = HV_TRY(parse(format("version = 1\nbehavior.rules = [{}]\n", text), "a rule"));
  if (policy.behavior.size() != 1) return base::Failure(base::invalid_argument("expected one rule"));
  return std::move(policy.behavior.front());
}

}  // namespace hv::policy
