#include "formats/content.h"

namespace hv::formats {

base::json::Object content_of(const core::AuditRecord& record) {
  if (!record.version) return record.event.payload;
  base::json::Object content{{"version", *record.version}, {"envelope", record.envelope.value_or("")}};
  if (!record.redacted) content["payload"] = record.event.payload;
  return content;
}

std::string content_text(const core::AuditRecord& record) {
  return record.redacted && !record.version ? std::string() : base::json::serialize(content_of(record));
}

}  // namespace hv::formats
