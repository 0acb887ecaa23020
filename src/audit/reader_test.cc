#include "audit/reader.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "audit/export.h"
#include "audit/ledger.h"
#include "audit/raw_record_test.h"
#include "audit/test_directory.h"
#include "base/json.h"
#include "base/text.h"

namespace hv::audit {
namespace {

using std::chrono_literals::operator""h;

class ReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    Ledger::Options options;
    options.directory = directory.path();
    options.clock = &clock;
    options.segment_bytes = 4096;
    options.seal_interval = 1h;
    ledger = *Ledger::open(std::move(options));
  }
  void record(const char* kind, const char* sandbox = "sa", base::json::Object payload = {}) {
    core::Event event;
    event.kind = kind;
    event.sandbox = sandbox;
    event.principal = "user:1000";
    event.payload = std::move(payload);
    clock.tick(std::chrono::seconds(1));
    ASSERT_TRUE(ledger->record(event));
  }
  std::vector<uint64_t> indexes(const Query& query) {
    std::vector<uint64_t> result;
    auto entries = Reader(directory.path()).list(query);
    EXPECT_TRUE(entries) << entries.error().text();
    if (entries)
      for (const Entry& entry : *entries) result.push_back(entry.envelope.index);
    return result;
  }
  using Indexes = std::vector<uint64_t>;

  TestDirectory directory;
  TestClock clock;
  std::unique_ptr<Ledger> ledger;
};

TEST_F(ReaderTest, FindsNothingWhereNothingIs) {
  EXPECT_EQ(*Reader(directory.path()).size(), 0u);
  EXPECT_EQ(indexes({}), Indexes{});
  EXPECT_EQ(Reader(directory.path()).at(0).error().code(), base::ErrorCode::not_found);
  EXPECT_EQ(*Reader("/nonexistent/ledger").size(), 0u);
}

TEST_F(ReaderTest, FiltersByWhatTheQueryNames) {
  record("sandbox.created", "sa");
  record("exec.started", "sa");
  record("exec.started", "sb");
  record("executor.x", "sb");
  record("exec.exited", "sb");
  EXPECT_EQ(indexes({.sandbox = "sb"}), (Indexes{2, 3, 4}));
  EXPECT_EQ(indexes({.kind_prefix = "exec"}), (Indexes{1, 2, 4}));
  EXPECT_EQ(indexes({.kind_prefix = "exec."}), (Indexes{1, 2, 4}));
  EXPECT_EQ(indexes({.kind_prefix = "exec.started"}), (Indexes{1, 2}));
  EXPECT_EQ(indexes({.sandbox = "sb", .kind_prefix = "exec", .newest_first = true}), (Indexes{4, 2}));
  EXPECT_EQ(indexes({.limit = 2, .newest_first = true}), (Indexes{4, 3}));
  EXPECT_EQ(indexes({.from = 1, .limit = 2}), (Indexes{1, 2}));
  EXPECT_EQ(indexes({.from = 1, .before = 3}), (Indexes{1, 2}));
  EXPECT_EQ(indexes({.from = 3, .newest_first = true}), (Indexes{4, 3}));
  EXPECT_EQ(indexes({.limit = 0}), Indexes{});
  base::WallTime third = Reader(directory.path()).at(2)->envelope.time;
  EXPECT_EQ(indexes({.since = third}), (Indexes{2, 3, 4}));
  EXPECT_EQ(indexes({.until = third}), (Indexes{0, 1}));
}

TEST_F(ReaderTest, ReadsAcrossSegmentsInBothDirections) {
  Indexes expected;
  for (uint64_t i = 0; i < 60; ++i) {
    record("exec.started");
    expected.push_back(i);
  }
  ASSERT_GT(list_segments(directory.path())->size(), 3u);
  EXPECT_EQ(indexes({}), expected);
  std::reverse(expected.begin(), expected.end());
  EXPECT_EQ(indexes({.newest_first = true}), expected);
}

TEST_F(ReaderTest, SeesWhatWasRecordedSinceItLooked) {
  Reader reader(directory.path());
  for (uint64_t i = 0; i < 40; ++i) {
    record("exec.started");
    EXPECT_EQ(*reader.size(), i + 1);
    EXPECT_EQ(reader.at(i)->envelope.index, i);
    EXPECT_FALSE(reader.at(i + 1));
  }
}

// A write that the disk had no room for leaves whole records for a moment, which nobody was promised.
TEST_F(ReaderTest, ForgetsWhatWasCutOffAgain) {
  record("a.one");
  record("a.two");
  std::string path = directory.path() + "/journal/" + segment_name(0);
  uint64_t size = std::filesystem::file_size(path);
  Envelope envelope;
  envelope.index = 2;
  envelope.kind = "a.ghost";
  envelope.payload_size = 2;
  envelope.payload_hash = base::sha256({std::string(kSaltSize, 's'), "{}"});
  append_raw(directory.path(), encode_envelope(envelope), "{}");

  Reader kept(directory.path());
  Reader forgetful(directory.path());
  for (Reader* reader : {&kept, &forgetful}) EXPECT_EQ(reader->list({.before = 2})->size(), 2u);
  forgetful.forget_from(2);
  std::filesystem::resize_file(path, size);
  record("a.three");
  record("a.four");
  std::vector<Entry> entries = *forgetful.list({});
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[2].envelope.kind, "a.three");
  EXPECT_EQ(entries[3].envelope.kind, "a.four");
  // The control: one that does not forget tells what never was.
  EXPECT_EQ(kept.list({.from = 2, .limit = 1})->at(0).envelope.kind, "a.ghost");
  // What is there for good is forgotten without harm, all of it too.
  forgetful.forget_from(0);
  EXPECT_EQ(forgetful.list({})->size(), 4u);
}

TEST_F(ReaderTest, StopsAtDamageBeforeTheEndAndNamesTheEntry) {
  for (int i = 0; i < 40; ++i) record("exec.started");
  auto files = *list_segments(directory.path());
  std::string name = files[1].path.substr(directory.path().size() + 1);
  directory.flip_byte(name, directory.read(name).size() - 300);
  uint64_t seen = 0;
  base::Status status = Reader(directory.path()).scan({}, [&](const Entry&) { return ++seen, true; });
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("entry " + std::to_string(seen)), std::string::npos) << status.error().text();
}

TEST_F(ReaderTest, ExportsLinesThatProveTheirPayload) {
  record("exec.started", "sa", {{"path", "/bin/\u00e9cho"}});
  record("exec.exited", "sa", {{"status", 0}});
  ASSERT_TRUE(ledger->delete_payloads(1, 1, "user:1000", "test"));
  std::string all;
  Reader reader(directory.path());
  ASSERT_TRUE(export_jsonl(reader, {}, [&](std::string_view lines) {
    all += lines;
    return base::Status{};
  }));
  std::vector<std::string> lines = base::split(all, '\n');
  ASSERT_EQ(lines.size(), 4u);
  auto first = base::json::parse(lines[0]);
  ASSERT_TRUE(first) << first.error().text();
  base::json::Object& object = first->as_object();
  EXPECT_EQ(object["payload"].as_object()["path"], "/bin/\u00e9cho");
  std::string raw = lines[0].substr(lines[0].find(R"("payload":)") + 10);
  raw.pop_back();
  std::string salt = *base::from_hex(object["salt"].as_string());
  EXPECT_EQ(base::to_hex(base::as_view(base::sha256({salt, raw}))), object["payload_sha256"].as_string());
  EXPECT_EQ(object["index"], 0);
  auto second = base::json::parse(lines[1]);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->as_object()["payload"].is_null());
  EXPECT_EQ(second->as_object()["payload_state"], "deleted");
}

TEST_F(ReaderTest, StopsExportingWhenNobodyTakesIt) {
  for (int i = 0; i < 3; ++i) record("exec.started");
  Reader reader(directory.path());
  base::Status status = export_jsonl(
      reader, {}, [](std::string_view) { return base::Status(base::Failure(base::io_error("pipe closed"))); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "pipe closed");
}

}  // namespace
}  // namespace hv::audit
