// The ledger as JSON lines, for other tools: one object an event, of the envelope's members in their order, then salt
// and payload.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "audit/reader.h"

namespace hv::audit {

// One line, with its newline:
//   {"v":1,"index":0,...,"payload_size":17,"salt":"<hex>","payload":{...}}
// The payload stands there byte for byte as it was recorded, so that SHA-256 of salt and payload can be compared with
// payload_sha256. When it is not there, "payload":null and "payload_state" ("deleted" or "damaged") stand in place of
// both.
std::string export_line(const Entry& entry);

using Sink = std::function<base::Status(std::string_view lines)>;
// Gives `sink` whole lines, some 64 KiB at a time, and stops at its first failure.
base::Status export_jsonl(Reader& reader, const Query& query, const Sink& sink);

}  // namespace hv::audit
