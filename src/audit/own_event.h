// One of the ledger's own events, as a verifier reads it: what was pruned, deleted, recovered, and by which key.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "audit/envelope.h"
#include "audit/frame.h"
#include "base/json.h"

namespace hv::audit {

struct OwnEvent {
  uint64_t index = 0;
  Envelope envelope;
  base::json::Object payload;

  // A member of the payload; empty where it is not there or something else.
  std::string_view text(std::string_view name) const;
  std::optional<uint64_t> number(std::string_view name) const;
};

// nullopt when it cannot be read.
std::optional<OwnEvent> read_own_event(uint64_t index, const Frame& frame);

}  // namespace hv::audit
