#include "formats/csv.h"

#include "base/json.h"
#include "base/text.h"
#include "formats/content.h"

namespace hv::formats {

namespace {

std::string cell(std::string_view text) {
  std::string out = "\"";
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) out += '\'';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string member(const core::AuditRecord& record, std::string_view name) {
  const base::json::Value* value = record.event.payload.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? base::printable(std::string_view(value->get_string())) : base::json::serialize(*value);
}

}  // namespace

std::string csv_header() {
  return "index,time,kind,sandbox,principal,trust,risk,verdict,host,path,leaf_hash,payload\r\n";
}

std::string csv_row(const core::AuditRecord& record) {
  const core::Event& event = record.event;
  std::string row = std::to_string(record.index);
  for (const std::string& text :
       {record.version ? std::string() : base::to_rfc3339(event.wall), event.kind, event.sandbox, event.principal,
        std::string(core::trust_name(event.trust)), std::string(core::risk_name(event.risk)), member(record, "verdict"),
        member(record, "host"), member(record, "path"), record.leaf_hash, content_text(record)})
    row += "," + cell(text);
  return row + "\r\n";
}

}  // namespace hv::formats
