#include "cli/audit_view.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

constexpr size_t kKindWidth = 20;
constexpr size_t kIdWidth = 17;
constexpr size_t kTimeWidth = 24;

// A list of words as a command line, a string in quotes where it needs them, everything else as JSON.
std::string value_text(const base::json::Value& value) {
  if (value.is_string()) return base::shell_quote(std::string_view(value.get_string()));
  if (value.is_array() &&
      std::ranges::all_of(value.get_array(), [](const base::json::Value& item) { return item.is_string(); })) {
    std::vector<std::string> words;
    for (const base::json::Value& item : value.get_array())
      words.push_back(base::shell_quote(std::string_view(item.get_string())));
    return base::join(words, " ");
  }
  return base::json::serialize(value);
}

// The command line first and without its name, since it is what people look for.
std::string summary_of(const core::AuditRecord& record) {
  if (record.version)
    return base::printable(base::format("version {}: {}", *record.version, record.envelope.value_or("")));
  if (record.redacted) return "(redacted)";
  std::vector<std::string> parts;
  const base::json::Object& payload = record.event.payload;
  if (const base::json::Value* arguments = payload.if_contains("arguments")) parts.push_back(value_text(*arguments));
  for (const auto& [key, value] : payload)
    if (key != "arguments") parts.push_back(base::format("{}={}", std::string_view(key), value_text(value)));
  return base::printable(base::join(parts, "  "));
}

std::string time_text(base::WallTime time) {
  return base::to_rfc3339(time).substr(0, 23) + "Z";
}

std::string padded(std::string text, size_t width) {
  size_t columns = display_width(text);
  if (columns < width) text.append(width - columns, ' ');
  return text;
}

std::string notes_text(const core::VerifyReport& report, size_t width) {
  std::string out;
  for (const std::string& note : report.notes) out += wrap("note: " + base::printable(note), width, 2) + "\n";
  return out;
}

std::string faults_text(const core::VerifyReport& report, size_t width) {
  std::string out;
  for (const core::LedgerFault& fault : report.faults) {
    std::string where = fault.index ? base::format("entry {}: ", *fault.index) : "";
    out += wrap(base::format("fault: {}{}", where, base::printable(fault.what)), width, 2) + "\n";
  }
  return out;
}

}  // namespace

std::string record_line(const core::AuditRecord& record, size_t width) {
  std::string sandbox = record.event.sandbox.empty() ? "-" : base::printable(record.event.sandbox);
  // When something of an unknown version was recorded is not known either.
  std::string time = record.version ? padded("-", kTimeWidth) : time_text(record.event.wall);
  std::string line = base::format("{}  {}  {}  {}", time, padded(sandbox, kIdWidth),
                                  padded(base::printable(record.event.kind), kKindWidth), summary_of(record));
  line.erase(line.find_last_not_of(' ') + 1);
  return shorten(line, width) + "\n";
}

std::string record_text(const core::AuditRecord& record, size_t width) {
  const core::Event& event = record.event;
  std::string out = base::format("record {}: {}\n", record.index, base::printable(event.kind));
  auto field = [&](std::string_view label, std::string_view value) {
    if (!value.empty())
      out += base::format("  {}{}\n", padded(std::string(label), 12), wrap(base::printable(value), width, 14, 14));
  };
  if (record.version) {
    field("version", base::format("{}, which this program does not know: shown as it is", *record.version));
    field("durability", core::name_of(record.durability));
    field("leaf hash", record.leaf_hash);
    field("envelope", record.envelope.value_or(""));
    field("payload", record.redacted ? "deleted" : base::json::serialize(event.payload));
    return out;
  }
  field("time", base::to_rfc3339(event.wall));
  field("sandbox", event.sandbox);
  field("principal", event.principal);
  field("trust", core::trust_name(event.trust));
  field("risk", core::risk_name(event.risk));
  field("durability", core::name_of(record.durability));
  field("leaf hash", record.leaf_hash);
  if (record.event.origin) field("origin", base::format("{} record {}", event.origin->spool, event.origin->sequence));
  if (record.redacted) return out + "  (the payload was deleted; the record still proves that it existed)\n";
  for (const auto& [key, value] : event.payload) field(base::printable(key), value_text(value));
  return out;
}

bool names_payload_of(const core::AuditRecord& deletion, const core::AuditRecord& record) {
  const base::json::Object& payload = deletion.event.payload;
  auto number = [&](std::string_view name) -> std::optional<uint64_t> {
    const base::json::Value* value = payload.if_contains(name);
    if (value == nullptr || !(value->is_uint64() || (value->is_int64() && value->get_int64() >= 0)))
      return std::nullopt;
    return value->to_number<uint64_t>();
  };
  std::optional<uint64_t> first = number("first");
  std::optional<uint64_t> last = number("last");
  if (!first || !last || record.index < *first || record.index > *last) return false;
  const base::json::Value* sandbox = payload.if_contains("sandbox");
  return sandbox == nullptr ||
         (sandbox->is_string() && std::string_view(sandbox->get_string()) == record.event.sandbox);
}

std::string deletion_text(const core::AuditRecord& deletion) {
  const base::json::Value* reason = deletion.event.payload.if_contains("reason");
  std::string why = reason != nullptr && reason->is_string() ? std::string(std::string_view(reason->get_string())) : "";
  return base::format("  deleted by {} at {}, as record {} says: {}\n", base::printable(deletion.event.principal),
                      base::to_rfc3339(deletion.event.wall), deletion.index, base::printable(why));
}

std::string verify_text(const core::VerifyReport& report, size_t width) {
  std::string out = report.intact ? "The record is whole: nothing was altered, removed or put in between.\n"
                                  : "THE RECORD IS NOT WHOLE.\n";
  out += base::format("  entries    {} ({} sealed)\n", report.entries, report.sealed);
  if (report.from > 0) out += base::format("  looked at  from {} on; what is older was verified before\n", report.from);
  out += base::format("  keys       {}\n", report.keys);
  if (!report.origin.empty()) out += base::format("  origin     {}\n", base::printable(report.origin));
  if (!report.first_key.empty()) out += base::format("  first key  {}\n", base::printable(report.first_key));
  if (!report.root_hash.empty()) out += base::format("  root hash  {}\n", base::printable(report.root_hash));
  return out + notes_text(report, width) + faults_text(report, width);
}

std::string bundle_text(const core::VerifyReport& report, bool by_key, size_t width) {
  std::string out = report.intact ? "Everything in it is as it was sealed.\n" : "IT DOES NOT HOLD.\n";
  out += base::format("  entries    {} (of a ledger with {} sealed)\n", report.entries, report.sealed);
  if (!report.origin.empty()) out += base::format("  origin     {}\n", base::printable(report.origin));
  if (!report.first_key.empty())
    out += base::format("  first key  {}{}\n", base::printable(report.first_key),
                        by_key ? "" : "  (the file's own: compare it with the one you noted)");
  return out + notes_text(report, width) + faults_text(report, width);
}

}  // namespace hv::cli
