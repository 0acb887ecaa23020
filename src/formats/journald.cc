#include "formats/journald.h"

#include <cstdint>

#include "base/format.h"
#include "base/json.h"
#include "formats/content.h"
#include "formats/syslog.h"

namespace hv::formats {

namespace {

// A value with a newline in it is written after its length, so that it cannot begin a field of its own.
void add(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  if (value.find('\n') == std::string_view::npos) {
    out.append("=").append(value).append("\n");
    return;
  }
  out += '\n';
  uint64_t size = value.size();
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(size >> shift & 0xff));
  out.append(value).append("\n");
}

}  // namespace

std::string to_journal(const core::AuditRecord& record) {
  const core::Event& event = record.event;
  std::string payload = content_text(record);
  if (payload.empty()) payload = "(payload deleted)";
  std::string out;
  add(out, "MESSAGE", base::format("{} {}", event.kind, payload));
  add(out, "PRIORITY", std::to_string(severity_of(event.risk)));
  add(out, "SYSLOG_IDENTIFIER", "hydravisor");
  add(out, "SYSLOG_FACILITY", "13");
  add(out, "HYDRAVISOR_INDEX", std::to_string(record.index));
  if (!record.version) add(out, "HYDRAVISOR_TIME", base::to_rfc3339(event.wall));
  add(out, "HYDRAVISOR_KIND", event.kind);
  if (!event.sandbox.empty()) add(out, "HYDRAVISOR_SANDBOX", event.sandbox);
  add(out, "HYDRAVISOR_PRINCIPAL", event.principal);
  add(out, "HYDRAVISOR_TRUST", core::trust_name(event.trust));
  add(out, "HYDRAVISOR_RISK", core::risk_name(event.risk));
  if (!record.leaf_hash.empty()) add(out, "HYDRAVISOR_LEAF", record.leaf_hash);
  add(out, "HYDRAVISOR_PAYLOAD", payload);
  return out;
}

}  // namespace hv::formats
