#include "index/index.h"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "audit/ledger.h"
#include "audit/raw_record_test.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/remove_tree.h"

namespace hv::index {
namespace {

using base::json::Array;
using base::json::Object;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kOne = "s0000000000000001";
const std::string kTwo = "s0000000000000002";

class IndexTest : public testing::Test {
 protected:
  IndexTest() {
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/hv-index-XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    audit::Ledger::Options options;
    options.directory = top_ + "/ledger";
    options.segment_bytes = 4000;
    auto opened = audit::Ledger::open(options);
    EXPECT_TRUE(opened) << opened.error().text();
    ledger_ = *std::move(opened);
  }
  ~IndexTest() override {
    index_.reset();
    ledger_.reset();
    (void)base::remove_tree(top_);
  }

  void record(const std::string& kind, Object payload, const std::string& sandbox = kOne,
              core::Risk risk = core::Risk::info) {
    core::Event event;
    event.kind = kind;
    event.sandbox = sandbox;
    event.principal = "agent:" + sandbox;
    event.risk = risk;
    event.payload = std::move(payload);
    auto index = ledger_->record(event);
    ASSERT_TRUE(index) << index.error().text();
  }
  // 40 events in several segments: 0, 4, 8, ... executions, then requests, refusals and lives.
  void record_forty() {
    for (int i = 0; i < 40; i += 4) {
      record("exec.started", {{"path", "/usr/bin/make"}, {"arguments", Array{"make", base::format("target{}", i)}}});
      record("network.request", {{"host", "api.example.org"}, {"path", "/v1"}, {"verdict", "allow"}, {"n", i}}, kTwo);
      record("network.denied", {{"host", "evil.test"}, {"verdict", "deny"}}, kTwo, core::Risk::low);
      record("sandbox.started", {{"name", "web"}, {"pid", i}}, i < 20 ? kOne : kTwo);
    }
  }
  void start() {
    index_.reset();
    index_ = std::make_unique<Index>(Index::Options{top_ + "/ledger", directory(), [this] {
                                                      (void)ledger_->sync();
                                                      return ledger_->standing().durable;
                                                    }});
  }
  void start_and_wait() {
    start();
    index_->wait_for(ledger_->size());
    EXPECT_EQ(index_->standing().failure, "");
  }
  std::string directory() const { return top_ + "/ledger/index"; }
  std::vector<std::string> files() const {
    std::vector<std::string> paths;
    for (const audit::SegmentFile& segment : *audit::list_segments(top_ + "/ledger"))
      paths.push_back(base::format("{}/{:020}.index", directory(), segment.first_index));
    return paths;
  }
  std::vector<uint64_t> find(const core::AuditQuery& query) {
    std::vector<uint64_t> found;
    base::Status status = index_->search(query, ledger_->size(), [&](const audit::Entry& entry) {
      found.push_back(entry.envelope.index);
      return found.size() < query.limit;
    });
    EXPECT_TRUE(status) << status.error().text();
    return found;
  }
  // Every search that finds something, for comparing one state of the index with another.
  std::vector<std::vector<uint64_t>> all_answers() {
    std::vector<std::vector<uint64_t>> answers;
    for (bool newest : {false, true})
      for (const core::AuditQuery& query :
           std::vector<core::AuditQuery>{{.sandbox = kTwo},
                                         {.kind = "network."},
                                         {.kind = "exec.started"},
                                         {.host = "example.org"},
                                         {.path = "/usr/bin"},
                                         {.text = "target12"},
                                         {.text = "targ*"},
                                         {.verdict = "deny"},
                                         {.risk = core::Risk::low},
                                         {.principal = "agent:" + kOne},
                                         {.sandbox = kTwo, .kind = "sandbox", .text = "web"},
                                         {}}) {
        core::AuditQuery asked = query;
        asked.newest_first = newest;
        answers.push_back(find(asked));
        asked.limit = 3;
        answers.push_back(find(asked));
      }
    return answers;
  }

  std::string top_;
  std::unique_ptr<audit::Ledger> ledger_;
  std::unique_ptr<Index> index_;
};

TEST_F(IndexTest, FindsByEveryConditionAndByAllTogether) {
  record_forty();
  start_and_wait();
  EXPECT_GT(files().size(), 3u);
  EXPECT_EQ(find({.kind = "exec"}).size(), 10u);
  EXPECT_THAT(find({.text = "target12"}), ElementsAre(12));
  EXPECT_THAT(find({.text = "TARGET12 make"}), ElementsAre(12));
  EXPECT_THAT(find({.text = "target"}), IsEmpty());
  EXPECT_EQ(find({.text = "target*"}).size(), 10u);
  EXPECT_EQ(find({.path = "/usr"}).size(), 10u);
  EXPECT_THAT(find({.path = "/usr/bin/mak"}), IsEmpty());
  EXPECT_EQ(find({.host = "example.org"}).size(), 10u);
  EXPECT_THAT(find({.host = "ample.org"}), IsEmpty());
  EXPECT_EQ(find({.verdict = "deny"}).size(), 10u);
  EXPECT_EQ(find({.risk = core::Risk::low}).size(), 10u);
  EXPECT_THAT(find({.risk = core::Risk::medium}), IsEmpty());
  EXPECT_THAT(find({.sandbox = kOne, .kind = "sandbox."}), ElementsAre(3, 7, 11, 15, 19));
  EXPECT_THAT(find({.sandbox = kOne, .kind = "network."}), IsEmpty());
  EXPECT_THAT(find({.kind = "sandbox", .newest_first = true, .limit = 2}), ElementsAre(39, 35));
  EXPECT_THAT(find({.kind = "sandbox", .after = 7, .before = 16}), ElementsAre(11, 15));
}

TEST_F(IndexTest, FindsTheSameWithoutAnIndexAsWithOneThatFollows) {
  record_forty();
  start_and_wait();
  auto indexed = all_answers();
  // The last shard lags behind, others are missing: what is not indexed is read.
  index_.reset();
  for (const std::string& path : files()) remove_shard(path);
  index_ = std::make_unique<Index>(Index::Options{top_ + "/ledger", directory(), [] { return uint64_t{0}; }});
  EXPECT_EQ(all_answers(), indexed);
  index_.reset();
  index_ = std::make_unique<Index>(Index::Options{top_ + "/ledger", directory(), [] { return uint64_t{17}; }});
  index_->wait_for(17);
  EXPECT_EQ(all_answers(), indexed);
}

TEST_F(IndexTest, FollowsWhatIsRecorded) {
  start_and_wait();
  record_forty();
  index_->wake();
  index_->wait_for(ledger_->size());
  EXPECT_THAT(find({.text = "target36"}), ElementsAre(36));
}

TEST_F(IndexTest, IsMadeAgainWhenItIsMissingDamagedOrOfAnotherVersion) {
  record_forty();
  start_and_wait();
  auto answers = all_answers();
  std::vector<std::string> paths = files();
  index_.reset();
  remove_shard(paths[0]);
  std::string bytes = *base::read_file(paths[1]);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(base::replace_file(paths[1], bytes));
  ASSERT_TRUE(base::replace_file(paths[2], "not a database at all"));
  {
    auto other = Database::open(paths.back(), Database::Mode::write);
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->run("PRAGMA user_version = 999"));
  }
  start_and_wait();
  EXPECT_EQ(all_answers(), answers);
  EXPECT_TRUE(is_sealed(paths[0]) && is_sealed(paths[1]) && is_sealed(paths[2]));
}

TEST_F(IndexTest, DamagedUnderASearchStillAnswersAll) {
  record_forty();
  start_and_wait();
  auto answers = all_answers();
  index_.reset();
  start_and_wait();
  // Behind its back, after it was looked at: the next search opens it for the first time.
  ASSERT_TRUE(base::replace_file(files()[1], std::string(5000, 'x')));
  EXPECT_EQ(all_answers(), answers);
  index_->wake();
  index_->wait_for(ledger_->size());
  EXPECT_EQ(all_answers(), answers);
}

TEST_F(IndexTest, OfAJournalThatWasReplacedIsNotBelieved) {
  record("exec.started", {{"text", "old"}});
  start_and_wait();
  EXPECT_THAT(find({.text = "old"}), ElementsAre(0));
  index_.reset();
  ledger_.reset();
  for (const char* name : {"journal", "tile", "keys", "checkpoint"}) (void)base::remove_tree(top_ + "/ledger/" + name);
  ::unlink((top_ + "/ledger/checkpoint").c_str());
  audit::Ledger::Options options;
  options.directory = top_ + "/ledger";
  auto opened = audit::Ledger::open(options);
  ASSERT_TRUE(opened) << opened.error().text();
  ledger_ = *std::move(opened);
  record("exec.started", {{"text", "new"}});
  start_and_wait();
  EXPECT_THAT(find({.text = "old"}), IsEmpty());
  EXPECT_THAT(find({.text = "new"}), ElementsAre(0));
}

TEST_F(IndexTest, ForgetsTheWordsOfADeletedPayload) {
  record_forty();
  start_and_wait();
  ASSERT_TRUE(ledger_->delete_payloads(12, 12, "user:0", "test"));
  index_->wake();
  index_->wait_for(ledger_->size());
  EXPECT_THAT(find({.text = "target12"}), IsEmpty());
  // The envelope is still found; and the words are in no file.
  EXPECT_EQ(find({.kind = "exec.started"}).size(), 10u);
  index_.reset();
  for (const std::string& path : files()) EXPECT_EQ(base::read_file(path)->find("target12"), std::string::npos) << path;
}

TEST_F(IndexTest, LosesTheShardsOfWhatWasPruned) {
  record_forty();
  start_and_wait();
  std::vector<std::string> before = files();
  ASSERT_GT(before.size(), 3u);
  ASSERT_TRUE(*ledger_->prune(20, "user:0", "test"));
  index_->wake();
  index_->wait_for(ledger_->size());
  EXPECT_THAT(find({.kind = "exec"}), ElementsAre(20, 24, 28, 32, 36));
  EXPECT_THAT(find({.text = "target12"}), IsEmpty());
  index_.reset();
  EXPECT_FALSE(base::path_exists(before[0]));
  // One that was left behind by a crash goes with the next start.
  ASSERT_TRUE(base::replace_file(before[0], "left"));
  start_and_wait();
  EXPECT_FALSE(base::path_exists(before[0]));
}

size_t open_files() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

// A ledger has more segments than a process may have files.
TEST_F(IndexTest, KeepsFewShardsOpen) {
  for (int i = 0; i < 12; ++i) record_forty();
  start_and_wait();
  ASSERT_GT(files().size(), 2 * ShardCache::kMost);
  std::vector<std::vector<uint64_t>> first = all_answers();
  size_t open = open_files();
  EXPECT_EQ(all_answers(), first);
  EXPECT_EQ(open_files(), open);
  index_.reset();
  // Each is one descriptor, or three while it is written.
  EXPECT_LE(open - open_files(), ShardCache::kMost + 8);
}

// Of a version that a newer program wrote: nothing of it is understood, and nothing stops at it.
TEST_F(IndexTest, GoesOnBehindAnEntryItCannotRead) {
  record("exec.started", {{"text", "before"}});
  ledger_.reset();
  audit::append_raw(top_ + "/ledger", R"({"v":2,"index":1,"kind":"exec.started","text":"before"})",
                    R"({"text":"before"})");
  audit::Ledger::Options options;
  options.directory = top_ + "/ledger";
  options.segment_bytes = 4000;
  ledger_ = *audit::Ledger::open(options);
  record_forty();
  start();
  index_->wait_for(ledger_->size());
  EXPECT_EQ(index_->standing().failure, "");
  EXPECT_THAT(find({.text = "before"}), ElementsAre(0));
  EXPECT_EQ(find({.text = "target12"}).size(), 1u);
  EXPECT_THAT(find({.kind = "unknown"}), ElementsAre(1));
  EXPECT_THAT(find({.kind = "unknown."}), ElementsAre(1));
  EXPECT_EQ(find({}).size(), ledger_->size());
  EXPECT_EQ(find({.since = base::WallTime::min()}).size(), ledger_->size() - 1);
  auto indexed = all_answers();
  index_.reset();
  index_ = std::make_unique<Index>(Index::Options{top_ + "/ledger", directory(), [] { return uint64_t{0}; }});
  EXPECT_EQ(all_answers(), indexed);
}

TEST_F(IndexTest, NarrowsByTime) {
  record_forty();
  start_and_wait();
  base::WallTime middle{};
  (void)index_->search({.after = 19, .limit = 1}, ledger_->size(), [&](const audit::Entry& entry) {
    middle = entry.envelope.time;
    return false;
  });
  std::vector<uint64_t> later = find({.kind = "exec", .since = middle});
  std::vector<uint64_t> earlier = find({.kind = "exec", .until = middle});
  EXPECT_THAT(later, ElementsAre(20, 24, 28, 32, 36));
  EXPECT_THAT(earlier, ElementsAre(0, 4, 8, 12, 16));
}

}  // namespace
}  // namespace hv::index
