// Rules of behavior as people and programs are shown them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "core/names.h"

namespace hv::core {

// In the order in which they weigh.
enum class Response : uint8_t { alert, throttle_cpu, throttle_network, freeze, isolate, kill };

enum class BehaviorStatus : uint8_t {
  armed,         // has not fired in this run
  fired,         // has, and may again
  cooling_down,  // has, and does not again before its cool-down is over
};

// A rule as people and programs are shown it; what follows `origin` is about the run of a sandbox, and absent
// elsewhere.
struct BehaviorRuleInfo {
  std::string name;
  std::string watches;
  std::vector<Response> response;  // the n-th firing brings the n-th one, and the last for ever
  uint64_t cool_down_millis = 0;
  bool dry_run = false;
  std::string origin;
  std::optional<BehaviorStatus> status;
  std::optional<uint64_t> fired;  // how often
  std::optional<base::WallTime> last_fired;
};
// What a rule has made scarce, and has not given back yet.
struct ThrottleInfo {
  Response response = Response::throttle_cpu;
  std::string rule;
  std::optional<uint64_t> cpu_millis;
  std::optional<uint64_t> bytes_per_second;
  base::WallTime until{};
};

template <>
struct Names<Response> {
  static constexpr std::string_view kind = "response";
  static constexpr std::array<std::pair<Response, std::string_view>, 6> table{
      {{Response::alert, "alert"},
       {Response::throttle_cpu, "throttle-cpu"},
       {Response::throttle_network, "throttle-network"},
       {Response::freeze, "freeze"},
       {Response::isolate, "isolate"},
       {Response::kill, "kill"}}};
};

template <>
struct Names<BehaviorStatus> {
  static constexpr std::string_view kind = "status of a rule";
  static constexpr std::array<std::pair<BehaviorStatus, std::string_view>, 3> table{
      {{BehaviorStatus::armed, "armed"},
       {BehaviorStatus::fired, "fired"},
       {BehaviorStatus::cooling_down, "cooling-down"}}};
};

}  // namespace hv::core
