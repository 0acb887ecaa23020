#include "service/leftovers.h"

#include <set>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"

namespace hv::service {
namespace {

// Remembers what was recorded, and whether it was before anything happened.
class Memory final : public core::Recorder {
 public:
  base::Result<uint64_t> record(const core::Event& event) override {
    events.push_back(event);
    if (!watched.empty()) was_there.push_back(base::path_exists(watched));
    return events.size();
  }
  std::vector<core::Event> events;
  std::string watched;
  std::vector<bool> was_there;
};

class LeftoversTest : public testing::Test {
 protected:
  LeftoversTest() {
    std::string pattern = "/tmp/hv-leftovers-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    options_.paths.sandboxes = directory_ + "/sandboxes";
    options_.paths.ledger = directory_ + "/ledger";
    options_.paths.homes = directory_ + "/homes";
    options_.paths.cache = directory_ + "/cache";
    // Everything that the tests make is older than the daemon.
    options_.began = std::chrono::system_clock::now() + std::chrono::hours(1);
    options_.is_alive = [this](const std::string& id) { return alive_.contains(id); };
  }
  ~LeftoversTest() override { (void)base::remove_tree(directory_); }

  std::string make(const std::string& path) {
    std::string whole = directory_ + "/" + path;
    EXPECT_TRUE(base::make_directories(whole.substr(0, whole.rfind('/'))));
    EXPECT_TRUE(base::replace_file(whole, "something"));
    return whole;
  }
  std::vector<std::string> paths() {
    std::vector<std::string> all;
    for (const core::Leftover& item : Leftovers(memory_, options_).find())
      all.push_back(item.path.substr(directory_.size() + 1));
    return all;
  }
  using Paths = std::vector<std::string>;

  std::string directory_;
  std::set<std::string> alive_;
  Memory memory_;
  Leftovers::Options options_;
  const std::string id_ = "s0123456789abcdef";
};

TEST_F(LeftoversTest, ASoundInstallationHasNone) {
  make("sandboxes/" + id_ + "/sandbox.json");
  make("sandboxes/" + id_ + "/spool");
  make("ledger/checkpoint");
  make("ledger/tile/0/000.p/14");
  make("homes/shell-0011/home.json");
  make("cache/etc-0011/passwd");
  EXPECT_EQ(paths(), Paths{});
  ASSERT_TRUE(Leftovers(memory_, options_).reap("user:1"));
  EXPECT_TRUE(memory_.events.empty()) << "nothing is nothing to record";
}

TEST_F(LeftoversTest, FindsWhatKilledProcessesHadBegun) {
  make("sandboxes/" + id_ + "/workspace/baseline");
  make("sandboxes/.removing-" + id_ + "/spool");
  make("ledger/checkpoint.tmp-17");
  make("ledger/tile/entries/000.p/14.tmp-17");
  make("homes/.shell-0011.aabbcc/home.json");
  make("cache/etc-0011.aabbcc/passwd");
  EXPECT_EQ(paths(),
            (Paths{"sandboxes/.removing-" + id_, "sandboxes/" + id_, "ledger/checkpoint.tmp-17",
                   "ledger/tile/entries/000.p/14.tmp-17", "homes/.shell-0011.aabbcc", "cache/etc-0011.aabbcc"}));
}

TEST_F(LeftoversTest, WhatIsYoungerThanTheDaemonMayBeItsOwnWork) {
  make("sandboxes/" + id_ + "/workspace/baseline");
  make("ledger/checkpoint.tmp-17");
  make("homes/.shell-0011.aabbcc/home.json");
  options_.began = std::chrono::system_clock::now() - std::chrono::hours(1);
  EXPECT_EQ(paths(), Paths{});
}

TEST_F(LeftoversTest, ASocketIsStaleOnlyWhileNobodyHoldsTheLock) {
  make("sandboxes/" + id_ + "/sandbox.json");
  make("sandboxes/" + id_ + "/control.sock");
  base::Fd lock = *base::open_file(make("sandboxes/" + id_ + "/lock"), O_RDWR);
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(paths(), Paths{}) << "its supervisor lives";
  lock.close();
  EXPECT_EQ(paths(), Paths{"sandboxes/" + id_ + "/control.sock"});
  alive_.insert(id_);
  EXPECT_EQ(paths(), Paths{}) << "the daemon is starting it";
}

TEST_F(LeftoversTest, ReapingTakesAwayWhatWasFoundAndNothingElse) {
  std::string left = make("ledger/checkpoint.tmp-17"), kept = make("ledger/checkpoint");
  std::string begun = make("sandboxes/" + id_ + "/workspace/baseline");
  memory_.watched = left;
  auto report = Leftovers(memory_, options_).reap("user:1");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->items.size(), 2u);
  for (const core::Leftover& item : report->items) EXPECT_EQ(item.problem, "") << item.path;
  EXPECT_FALSE(base::path_exists(left));
  EXPECT_FALSE(base::path_exists(directory_ + "/sandboxes/" + id_));
  EXPECT_TRUE(base::path_exists(kept));
  ASSERT_EQ(memory_.events.size(), 2u);
  EXPECT_EQ(memory_.events[0].kind, "daemon.reaping");
  EXPECT_EQ(memory_.events[1].kind, "daemon.reaped");
  EXPECT_EQ(memory_.was_there, (std::vector<bool>{true, false})) << "the intent comes before the act";
  EXPECT_EQ(paths(), Paths{});
}

TEST_F(LeftoversTest, NothingGoesThatCannotBeRecorded) {
  class Full final : public core::Recorder {
    base::Result<uint64_t> record(const core::Event&) override { return base::Failure(base::io_error("full")); }
  } full;
  std::string left = make("ledger/checkpoint.tmp-17");
  EXPECT_FALSE(Leftovers(full, options_).reap("user:1"));
  EXPECT_TRUE(base::path_exists(left));
}

}  // namespace
}  // namespace hv::service
