#include "audit/export.h"

#include "base/text.h"

namespace hv::audit {

std::string export_line(const Entry& entry) {
  std::string line = entry.envelope_text;
  line.pop_back();
  if (entry.payload_state == PayloadState::present) {
    line += R"(,"salt":")" + base::to_hex(entry.salt) + R"(","payload":)" + entry.payload;
  } else {
    line += R"(,"payload_state":")";
    line += entry.payload_state == PayloadState::deleted ? "deleted" : "damaged";
    line += R"(","payload":null)";
  }
  return line + "}\n";
}

base::Status export_jsonl(Reader& reader, const Query& query, const Sink& sink) {
  constexpr size_t kChunk = size_t{64} << 10;
  std::string lines;
  base::Status sent;
  HV_TRY(reader.scan(query, [&](const Entry& entry) {
    lines += export_line(entry);
    if (lines.size() < kChunk) return true;
    sent = sink(lines);
    lines.clear();
    return sent.has_value();
  }));
  if (sent && !lines.empty()) sent = sink(lines);
  return sent;
}

}  // namespace hv::audit
