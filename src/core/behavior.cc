#include "core/behavior.h"

#include <algorithm>

#include "base/text.h"

namespace hv::core {

namespace {

// What exec.started says of the program is read from the agent's memory, and nothing is decided on that: only that it
// asked, and how often. The program is known from exec.observed.
constexpr StreamKind kKinds[] = {
    {"call.denied", "call count"},
    {"exec.exited", "program"},
    {"exec.observed", "program"},
    {"exec.started", "count"},
    {"host_port.closed", "port bytes_in bytes_out"},
    {"host_port.connected", "port"},
    {"network.closed", "host address port program verdict bytes_in bytes_out milliseconds"},
    {"network.connection", "host address port program verdict"},
    {"network.denied", "host address port program path verdict count"},
    {"network.dns", "host address program verdict count"},
    {"network.request", "host address port program path verdict"},
    {"sandbox.limit_near", ""},
    {"sandbox.limit_reached", ""},
    {"sandbox.network_lost", ""},
    {"workspace.conflict", "path"},
    {"workspace.not_kept", ""},
    {"workspace.unwatched", ""},
};
static_assert(std::ranges::is_sorted(kKinds, {}, &StreamKind::name));

}  // namespace

std::span<const StreamKind> stream_kinds() {
  return kKinds;
}

const StreamKind* find_stream_kind(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kKinds, name, {}, &StreamKind::name);
  return found != std::end(kKinds) && found->name == name ? found : nullptr;
}

bool has_field(const StreamKind& kind, std::string_view field) {
  for (const std::string& each : base::split(kind.fields, ' '))
    if (each == field) return true;
  return false;
}

}  // namespace hv::core
