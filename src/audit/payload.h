// An event's payload as the text that is kept: valid JSON whatever an agent put into it, without credentials, and never
// larger than its limit. What had to be taken out, shortened or respelled says so in the payload itself.
#pragma once

#include <string>

#include "base/json.h"
#include "core/redaction.h"

namespace hv::audit {

constexpr size_t kMaxPayloadSize = size_t{64} << 10;

// Compact JSON of at most `limit` bytes (at least 1024). Strings that are not UTF-8 are spelled with base::printable()
// and listed in a member "_escaped". When the text would be too long, long strings, arrays and objects are cut until it
// fits; "_truncated" then lists each cut member with the size it had: [{"member":"argv[3]","size":99000}], strings in
// bytes, arrays and objects in elements. Credentials (core/redaction.h) are replaced first: "redacted" says how many,
// together with those that the event's maker had replaced before and counted there. `own` is what a policy names beside
// what everybody has.
std::string payload_text(const base::json::Object& payload, size_t limit = kMaxPayloadSize,
                         const core::Redaction* own = nullptr);
// The same for events of our own making, whose members are hashes, public keys and verdicts: nothing is taken out.
std::string own_payload_text(const base::json::Object& payload);
// What both do with a payload that is not plain (plain_payload.h); for any other it makes the same text more slowly.
std::string careful_payload_text(const base::json::Object& payload, size_t limit, bool redact,
                                 const core::Redaction* own = nullptr);

}  // namespace hv::audit
