#include "formats/syslog.h"

#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "formats/content.h"

namespace hv::formats {

namespace {

constexpr int kAudit = 13;
constexpr std::string_view kMark = "\xEF\xBB\xBF";  // says that the message is UTF-8

// A header field: printable ASCII without spaces, or "-".
std::string field(std::string_view text, size_t most) {
  std::string out;
  for (char c : text.substr(0, most)) out += c > 0x20 && c < 0x7f ? c : '_';
  return out.empty() ? "-" : out;
}

std::string parameter(std::string_view name, std::string_view value) {
  std::string out = base::format(" {}=\"", name);
  for (char c : base::printable(value)) {
    if (c == '"' || c == '\\' || c == ']') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

int severity_of(core::Risk risk) {
  switch (risk) {
    case core::Risk::high:
      return 3;
    case core::Risk::medium:
      return 4;
    case core::Risk::low:
      return 5;
    case core::Risk::info:
      break;
  }
  return 6;
}

std::string to_syslog(const core::AuditRecord& record, const std::string& host, size_t limit) {
  const core::Event& event = record.event;
  // Microseconds are the finest that a timestamp may have.
  std::string time = record.version ? "-" : base::to_rfc3339(event.wall).substr(0, 26) + "Z";
  std::string text = base::format("<{}>1 {} {} hydravisor - {} [hydravisor@32473", kAudit * 8 + severity_of(event.risk),
                                  time, field(host, 255), field(event.kind, 32));
  text += parameter("index", std::to_string(record.index)) + parameter("kind", event.kind);
  if (!event.sandbox.empty()) text += parameter("sandbox", event.sandbox);
  text += parameter("principal", event.principal) + parameter("trust", core::trust_name(event.trust)) +
          parameter("risk", core::risk_name(event.risk));
  if (!record.leaf_hash.empty()) text += parameter("leaf", record.leaf_hash);
  std::string payload = content_text(record);
  std::string_view why = payload.empty() ? "payload deleted" : "";
  if (text.size() + payload.size() + 40 > limit) why = "payload too long";
  if (!why.empty()) return text + parameter("without", why) + "] -";
  return base::format("{}] {}{}", text, kMark, payload);
}

}  // namespace hv::formats
