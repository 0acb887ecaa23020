// The payload that needs nothing done to it: no credential, no broken text, not too large or deep. Nearly all are like
// that, and are written in one pass without being copied first; the others take the long way of payload.h.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "core/redaction.h"

namespace hv::audit {

// Its text, letter by letter what payload_text() makes of it; nullopt when that would change anything, or may.
std::optional<std::string> plain_payload_text(const base::json::Object& payload, size_t limit, bool redact,
                                              const core::Redaction* own = nullptr);

}  // namespace hv::audit
