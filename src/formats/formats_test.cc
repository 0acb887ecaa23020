#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "base/json.h"
#include "core/event_kinds.h"
#include "formats/csv.h"
#include "formats/journald.h"
#include "formats/ocsf.h"
#include "formats/syslog.h"

namespace hv::formats {
namespace {

using base::json::Array;
using base::json::Object;

core::AuditRecord record_of(std::string kind, Object payload, core::Risk risk = core::Risk::info) {
  core::AuditRecord record;
  record.index = 7;
  record.event.wall = *base::from_rfc3339("2026-11-23T18:14:07.123456789Z");
  record.event.kind = std::move(kind);
  record.event.sandbox = "s0123456789abcdef";
  record.event.principal = "agent:s0123456789abcdef";
  record.event.trust = core::Trust::claimed;
  record.event.risk = risk;
  record.event.payload = std::move(payload);
  record.leaf_hash = "00ff";
  return record;
}
const Object kHostile{{"pid", 12},
                      {"path", "=cmd|'/c calc'!A0"},
                      {"host", "a\"]\nFORGED=1"},
                      {"arguments", Array{"sh", "-c", "printf '\x1b[2J'\n\"x\""}}};

TEST(Csv, HasAsManyCellsAsItsHeaderAndNoFormula) {
  EXPECT_EQ(csv_header(), "index,time,kind,sandbox,principal,trust,risk,verdict,host,path,leaf_hash,payload\r\n");
  std::string row = csv_row(record_of("exec.started", kHostile));
  EXPECT_NE(row.find(",\"'=cmd|"), std::string::npos) << row;
  EXPECT_NE(row.find("\"a\"\"]\\x0aFORGED=1\""), std::string::npos) << row;
  // One line: a newline is nowhere but at its end.
  EXPECT_EQ(row.find('\n'), row.size() - 1);
  size_t quotes = 0;
  size_t commas = 0;
  for (char c : row) {
    quotes += c == '"';
    commas += c == ',' && quotes % 2 == 0;
  }
  EXPECT_EQ(commas, 11u);
  EXPECT_EQ(quotes % 2, 0u);
}

TEST(Syslog, FitsItsGrammarWhateverIsInIt) {
  // RFC 5424, section 6, for what we make of it.
  static const std::regex grammar(
      "<1(0[0-9]|1[0-9])>1 [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z [!-~]{1,255} hydravisor - "
      "[!-~]{1,32} \\[hydravisor@32473( [a-z]+=\"([^\"\\\\\\]]|\\\\[\"\\\\\\]])*\")+\\] (-|\xEF\xBB\xBF.*)");
  for (core::Risk risk : {core::Risk::info, core::Risk::high}) {
    std::string text = to_syslog(record_of("exec.started", kHostile, risk), "ho st", 5000);
    EXPECT_TRUE(std::regex_match(text, grammar)) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.substr(0, 5), risk == core::Risk::high ? "<107>" : "<110>");
    EXPECT_NE(text.find(" ho_st "), std::string::npos);
  }
  core::AuditRecord odd = record_of("exec.started", {});
  odd.event.principal = "a\"b\\c]d\n";
  EXPECT_TRUE(std::regex_match(to_syslog(odd, "", 5000), grammar)) << to_syslog(odd, "", 5000);
}

TEST(Syslog, LeavesOutAPayloadThatDoesNotFitAndSaysSo) {
  core::AuditRecord record = record_of("exec.started", {{"text", std::string(5000, 'x')}});
  std::string text = to_syslog(record, "host", 2048);
  EXPECT_LE(text.size(), 2048u);
  EXPECT_NE(text.find("without=\"payload too long\"] -"), std::string::npos) << text;
}

// Reads the fields of a datagram as the journal does.
std::vector<std::pair<std::string, std::string>> fields_of(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> fields;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find('\n', at);
    size_t equals = text.find('=', at);
    if (equals < end) {
      fields.emplace_back(text.substr(at, equals - at), text.substr(equals + 1, end - equals - 1));
      at = end + 1;
      continue;
    }
    uint64_t size = 0;
    for (size_t i = 0; i < 8; ++i) size |= uint64_t{static_cast<uint8_t>(text.at(end + 1 + i))} << (8 * i);
    fields.emplace_back(text.substr(at, end - at), text.substr(end + 9, size));
    at = end + 9 + size + 1;
  }
  return fields;
}

TEST(Journald, HasItsFieldsAndNoForgedOne) {
  auto fields = fields_of(to_journal(record_of("exec.started", kHostile, core::Risk::medium)));
  std::set<std::string> names;
  for (const auto& [name, value] : fields) EXPECT_TRUE(names.insert(name).second) << name;
  EXPECT_TRUE(names.contains("MESSAGE") && names.contains("HYDRAVISOR_KIND") && names.contains("PRIORITY"));
  EXPECT_FALSE(names.contains("FORGED"));
  core::AuditRecord odd = record_of("exec.started", {});
  odd.event.principal = "x\nFORGED=1\n";
  for (const auto& [name, value] : fields_of(to_journal(odd)))
    if (name == "HYDRAVISOR_PRINCIPAL") EXPECT_EQ(value, "x\nFORGED=1\n");
  for (const auto& [name, value] : fields_of(to_journal(odd))) EXPECT_NE(name, "FORGED");
}

TEST(Ocsf, GivesEveryKindItsClass) {
  for (const core::EventKind& kind : core::event_kinds()) {
    Object out = to_ocsf(record_of(std::string(kind.name), kHostile), "host");
    EXPECT_EQ(out["class_uid"], kind.ocsf_class) << kind.name;
    EXPECT_EQ(out["category_uid"], kind.ocsf_class / 1000) << kind.name;
    EXPECT_EQ(out["type_uid"].to_number<uint64_t>(),
              out["class_uid"].to_number<uint64_t>() * 100 + out["activity_id"].to_number<uint64_t>());
    EXPECT_TRUE(out["metadata"].as_object().contains("version"));
  }
  EXPECT_EQ(to_ocsf(record_of("of.later", {}), "host")["class_uid"], 0);
  EXPECT_EQ(to_ocsf(record_of("network.request", {{"method", "POST"}}), "host")["activity_id"], 6);
}

}  // namespace
}  // namespace hv::formats
