#include "cli/record_file.h"

#include <cerrno>

#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/types.h"

namespace hv::cli {

namespace json = base::json;
using base::Failure;
using base::Result;

// A record's line: 64 KiB of payload, each byte of it escaped, and in a bundle a proof.
static constexpr size_t kLongestLine = size_t{1} << 20;
// Of envelopes.
static constexpr int64_t kKnownVersion = 1;

Result<core::AuditRecord> parse_record_line(std::string_view line) {
  json::Value value = HV_TRY(json::parse(line));
  return wire::from_json<core::AuditRecord>(value);
}

// What nobody here can read is passed on as it is, and as what is believed least.
static core::AuditRecord unknown_record(int64_t version, int64_t index, const std::string& envelope,
                                        const std::optional<std::string>& payload) {
  core::AuditRecord record;
  record.index = static_cast<uint64_t>(index);
  record.version = static_cast<uint64_t>(version);
  record.envelope = envelope;
  record.event.kind = core::kUnknownKind;
  record.event.trust = core::Trust::claimed;
  record.durability = core::Durability::sealed;
  record.redacted = !payload.has_value();
  Result<json::Value> value = json::parse(payload.value_or(""));
  if (value && value->is_object()) record.event.payload = std::move(value->get_object());
  return record;
}

// An envelope has other names for some of what a record has, and its payload beside it, as it was hashed.
Result<std::optional<core::AuditRecord>> parse_bundle_line(std::string_view line) {
  json::Value value = HV_TRY(json::parse(line));
  auto reader = HV_TRY(json::ObjectReader::over(value));
  std::optional<std::string> envelope = HV_TRY(reader.optional_string("envelope"));
  if (!envelope) return std::nullopt;
  std::optional<std::string> payload = HV_TRY(reader.optional_string("payload"));
  json::Value entry = HV_TRY(json::parse(*envelope));
  auto fields = HV_TRY(json::ObjectReader::over(entry, "envelope"));
  if (int64_t version = HV_TRY(fields.integer("v")); version != kKnownVersion)
    return unknown_record(version, HV_TRY(fields.integer("index")), *envelope, payload);
  json::Object record{{"index", 0},      {"time", ""},  {"monotonic_ns", 0}, {"kind", ""},       {"sandbox", ""},
                      {"principal", ""}, {"trust", ""}, {"risk", ""},        {"origin", nullptr}};
  for (auto& [name, member] : record)
    if (const json::Value* found = fields.member(name == "monotonic_ns" ? "monotonic" : std::string_view(name)))
      member = *found;
  if (record["origin"].is_null()) record.erase("origin");
  record["payload"] = payload ? HV_TRY(json::parse(*payload)) : json::Value(json::Object{});
  record["durability"] = "sealed";
  record["leaf_hash"] = "";
  record["redacted"] = !payload.has_value();
  return HV_TRY(wire::from_json<core::AuditRecord>(json::Value(std::move(record))));
}

Result<RecordFile> RecordFile::open(const std::string& path) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Failure(base::Error::from_errno(errno == 0 ? EIO : errno, "read", base::printable(path)));
  RecordFile file(path, std::move(stream));
  file.is_waiting_ = HV_TRY(file.read_line());
  if (file.is_waiting_ && file.line_.starts_with("{\"bundle\":")) {
    file.is_bundle_ = true;
    file.is_waiting_ = false;
  }
  return file;
}

base::Error RecordFile::fault(const base::Error& error) const {
  return base::invalid_argument(
             base::format("{}:{}: not a record: {}", base::printable(path_), number_, base::printable(error.message())))
      .with_hint("expected what `hydravisor audit export` writes, as jsonl or as a bundle");
}

Result<bool> RecordFile::read_line() {
  line_.clear();
  ++number_;
  for (std::streambuf* buffer = stream_.rdbuf();;) {
    int c = buffer->sbumpc();
    if (c == std::streambuf::traits_type::eof()) return !line_.empty();
    if (c == '\n') return true;
    if (line_.size() == kLongestLine) return Failure(fault(base::invalid_argument("the line does not end")));
    line_ += static_cast<char>(c);
  }
}

Result<std::optional<core::AuditRecord>> RecordFile::next() {
  while (true) {
    if (!std::exchange(is_waiting_, false) && !HV_TRY(read_line())) return std::nullopt;
    if (!is_bundle_) {
      Result<core::AuditRecord> record = parse_record_line(line_);
      if (!record) return Failure(fault(record.error()));
      return std::optional(*std::move(record));
    }
    Result<std::optional<core::AuditRecord>> record = parse_bundle_line(line_);
    if (!record) return Failure(fault(record.error()));
    if (*record) return record;
  }
}

}  // namespace hv::cli
