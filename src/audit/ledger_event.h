// Events that the ledger records about itself.
#pragma once

#include <string>
#include <utility>

#include "core/event.h"

namespace hv::audit {

inline core::Event event_of_ledger(std::string kind, base::json::Object payload, core::Risk risk = core::Risk::info) {
  core::Event event;
  event.kind = std::move(kind);
  event.principal = "system";
  event.risk = risk;
  event.payload = std::move(payload);
  return event;
}

}  // namespace hv::audit
