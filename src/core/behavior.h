// Rules about what a sandbox does, in the words that policy, daemon and records share: which events they look at, when
// they fire, and what is done then. Plain data: policy/behavior reads it, behavior/engine decides by it. It is
// detection after the fact and no boundary: what made a rule fire has happened.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/behavior_info.h"
#include "core/egress.h"
#include "core/event.h"
#include "core/glob.h"
#include "core/names.h"

namespace hv::core {

// What is looked for in an event; every part that is said has to hold, and of each list one item.
struct EventPattern {
  std::vector<std::string> kinds;  // never empty; "exec.started" means "exec.repeated" too, which counts more of them
  std::vector<HostPattern> hosts;
  std::vector<Glob> paths;
  std::vector<Glob> programs;
  std::vector<Verdict> verdicts;
  std::optional<Risk> least_risk;
  bool operator==(const EventPattern&) const = default;
};

struct BehaviorRule {
  enum class Form : uint8_t {
    rate,        // more than `limit` events of the first pattern within `window`
    sum,         // their `field` adds up to more than `limit` within `window`
    sequence,    // events of all patterns in their order, from the first to the last within `window`
    first_seen,  // an event of the first pattern whose `field` was never seen before
  };
  enum class History : uint8_t { sandbox, agent };

  std::string name;
  Form form = Form::rate;
  std::vector<EventPattern> patterns;
  uint64_t limit = 0;
  std::string field;  // of sum and first_seen
  std::chrono::milliseconds window{0};
  History history = History::sandbox;  // of first_seen
  std::vector<Response> responses;     // the n-th firing brings the n-th one, and the last for ever
  std::chrono::milliseconds cool_down{0};
  uint32_t cpu_millis = 0;     // what throttle_cpu leaves
  uint64_t network_bytes = 0;  // what throttle_network leaves: a second, in and out together
  bool dry_run = false;
  // Where it was written: "mine.toml:12".
  std::string origin;
  bool operator==(const BehaviorRule&) const = default;
};

// What the rule looks at, in a line: "more than 20 exec.started in 30s".
std::string watches(const BehaviorRule& rule);

BehaviorRuleInfo describe(const BehaviorRule& rule);

inline constexpr uint32_t kThrottledCpuMillis = 100;
inline constexpr uint64_t kThrottledNetworkBytes = uint64_t{64} << 10;
inline constexpr uint64_t kLeastNetworkBytes = uint64_t{1} << 10;
inline constexpr std::chrono::milliseconds kCoolDown{60'000};

// Kinds of events that a sandbox's own stream has, and that rules may look at, with what can be asked of each.
struct StreamKind {
  std::string_view name;
  std::string_view fields;  // of those below, separated by blanks
};
std::span<const StreamKind> stream_kinds();
// nullptr for a kind that rules do not see.
const StreamKind* find_stream_kind(std::string_view name);
bool has_field(const StreamKind& kind, std::string_view field);

// What a sum adds up, and what can be new.
inline constexpr std::array<std::string_view, 4> kSummedFields = {"bytes_in", "bytes_out", "count", "milliseconds"};
inline constexpr std::array<std::string_view, 5> kSeenFields = {"address", "call", "host", "port", "program"};

template <>
struct Names<BehaviorRule::History> {
  using History = BehaviorRule::History;
  static constexpr std::string_view kind = "history";
  static constexpr std::array<std::pair<History, std::string_view>, 2> table{
      {{History::sandbox, "sandbox"}, {History::agent, "agent"}}};
};

template <>
struct Names<Risk> {
  static constexpr std::string_view kind = "risk";
  static constexpr std::array<std::pair<Risk, std::string_view>, 4> table{
      {{Risk::info, "info"}, {Risk::low, "low"}, {Risk::medium, "medium"}, {Risk::high, "high"}}};
};

}  // namespace hv::core
