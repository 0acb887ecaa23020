// Every kind of event there is, and what it is called in the Open Cybersecurity Schema Framework (OCSF). One table: the
// schema of events (docs/events.schema.json), the page about them (docs/events.md) and the export are held against it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hv::core {

struct EventKind {
  std::string_view name;
  uint32_t ocsf_class = 0;     // class_uid
  uint32_t ocsf_activity = 0;  // activity_id within the class; 99: other
};

// By name.
std::span<const EventKind> event_kinds();
// nullptr for a kind of another version.
const EventKind* find_event_kind(std::string_view name);

}  // namespace hv::core
