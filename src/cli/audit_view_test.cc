#include "cli/audit_view.h"

#include <gtest/gtest.h>

#include "cli/golden_test.h"
#include "cli/layout.h"

namespace hv::cli {

static core::AuditRecord sample() {
  core::AuditRecord record;
  record.index = 7;
  record.event.wall = *base::from_rfc3339("2026-11-23T18:14:07.123456789Z");
  record.event.kind = "exec.started";
  record.event.sandbox = "s0123456789abcdef";
  record.event.principal = "agent:s0123456789abcdef";
  record.event.trust = core::Trust::claimed;
  record.event.payload = {{"pid", 12},
                          {"path", "/bin/sh"},
                          {"arguments", {"sh", "-c", "echo hi > hello.txt"}},
                          {"note", "\x1b]52;c;eA==\x07"}};
  record.durability = core::Durability::sealed;
  record.leaf_hash = "00ff";
  record.event.origin = core::Origin{.spool = "s0123456789abcdef", .sequence = 3};
  return record;
}

TEST(AuditView, PutsTheCommandLineFirst) {
  EXPECT_EQ(record_line(sample(), kUnlimited),
            "2026-11-23T18:14:07.123Z  s0123456789abcdef  exec.started          sh -c 'echo hi > hello.txt'  pid=12  "
            "path=/bin/sh  "
            "note='\\x1b]52;c;eA==\\x07'\n");
  EXPECT_EQ(display_width(record_line(sample(), 60)), 61u);
}

TEST(AuditView, ShowsOneRecordWhole) {
  std::string text = record_text(sample(), 80);
  EXPECT_EQ(text, golden("audit_show_80", text));
  core::AuditRecord redacted = sample();
  redacted.redacted = true;
  EXPECT_EQ(record_text(redacted, 80).find("hello"), std::string::npos);
  EXPECT_EQ(record_line(redacted, 200).find("hello"), std::string::npos);
}

TEST(AuditView, ShowsWhatItCannotReadAsItIs) {
  core::AuditRecord record;
  record.index = 3;
  record.version = 2;
  record.envelope = "{\"v\":2,\"index\":3,\"text\":\"\x1b[2J\"}";
  record.event.kind = core::kUnknownKind;
  record.event.payload = {{"answer", 42}};
  EXPECT_EQ(record_line(record, kUnlimited),
            "-                         -                  unknown               version 2: "
            "{\"v\":2,\"index\":3,\"text\":\"\\x1b[2J\"}\n");
  std::string text = record_text(record, 200);
  EXPECT_NE(text.find("version     2, which this program does not know"), std::string::npos) << text;
  EXPECT_NE(text.find("{\"answer\":42}"), std::string::npos) << text;
  EXPECT_EQ(text.find("1970"), std::string::npos) << text;
}

TEST(AuditView, SaysWhyAPayloadIsGone) {
  core::AuditRecord gone = sample();
  gone.index = 7;
  gone.event.sandbox = "s0123456789abcdef";
  core::AuditRecord deletion = sample();
  deletion.index = 12;
  deletion.event.principal = "system";
  deletion.event.payload = {{"first", 7}, {"last", 9}, {"reason", "older than 7d"}};
  EXPECT_TRUE(names_payload_of(deletion, gone));
  EXPECT_EQ(deletion_text(deletion),
            "  deleted by system at 2026-11-23T18:14:07.123456789Z, as record 12 says: older than 7d\n");
  deletion.event.payload["sandbox"] = "s0123456789abcdef";
  EXPECT_TRUE(names_payload_of(deletion, gone));
  deletion.event.payload["sandbox"] = "s1111111111111111";
  EXPECT_FALSE(names_payload_of(deletion, gone));
  deletion.event.payload = {{"first", 8}, {"last", 9}};
  EXPECT_FALSE(names_payload_of(deletion, gone));
  deletion.event.payload = {{"first", "7"}};
  EXPECT_FALSE(names_payload_of(deletion, gone));
}

TEST(AuditView, SaysWhetherTheRecordIsWhole) {
  EXPECT_EQ(verify_text({.intact = true,
                         .origin = "hydravisor/u",
                         .entries = 3,
                         .sealed = 2,
                         .keys = 1,
                         .root_hash = "ab",
                         .faults = {}},
                        80),
            "The record is whole: nothing was altered, removed or put in between.\n"
            "  entries    3 (2 sealed)\n  keys       1\n  origin     hydravisor/u\n  root hash  ab\n");
  EXPECT_TRUE(verify_text({.intact = true, .origin = "", .root_hash = "", .faults = {}, .notes = {"entry 3: odd"}}, 80)
                  .ends_with("note: entry 3: odd\n"));
  std::string broken = verify_text({.intact = false,
                                    .origin = "",
                                    .entries = 3,
                                    .sealed = 2,
                                    .keys = 1,
                                    .root_hash = "",
                                    .faults = {{.index = 2, .what = "its hash differs"}}},
                                   80);
  EXPECT_TRUE(broken.starts_with("THE RECORD IS NOT WHOLE.\n"));
  EXPECT_TRUE(broken.ends_with("fault: entry 2: its hash differs\n"));
}

}  // namespace hv::cli
