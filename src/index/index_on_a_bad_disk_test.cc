// Whatever the disk does to the index: the ledger goes on, every search finds what it finds without one, and once the
// disk is well again the index is whole. SQLite's calls are failed one by one, and its files are damaged page by page.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/ledger.h"
#include "audit/segment.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/remove_tree.h"
#include "index/faulty_vfs_test.h"
#include "index/index.h"

namespace hv::index {
namespace {

using Answers = std::vector<std::vector<uint64_t>>;

class IndexOnABadDisk : public testing::Test {
 protected:
  IndexOnABadDisk() {
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/hv-index-XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    audit::Ledger::Options options;
    options.directory = top_ + "/ledger";
    options.segment_bytes = 6000;
    auto opened = audit::Ledger::open(options);
    EXPECT_TRUE(opened) << opened.error().text();
    ledger_ = *std::move(opened);
    record(20);
  }
  ~IndexOnABadDisk() override {
    index_.reset();
    ledger_.reset();
    (void)base::remove_tree(top_);
  }
  void record(int count) {
    for (int i = 0; i < count; ++i) {
      core::Event event;
      event.kind = i % 3 == 0 ? "exec.started" : "network.denied";
      event.sandbox = i % 2 == 0 ? "s0000000000000001" : "s0000000000000002";
      event.principal = "system";
      event.payload = {{"host", i % 4 == 0 ? "evil.test" : "example.org"}, {"word", base::format("word{}", i % 5)}};
      ASSERT_TRUE(ledger_->record(event)) << "the ledger depends on its index";
    }
    ASSERT_TRUE(ledger_->sync());
  }
  std::string directory() const { return top_ + "/index"; }
  // `follows`: false for one that knows nothing and reads the journal.
  std::unique_ptr<Index> index(bool follows = true) {
    return std::make_unique<Index>(Index::Options{
        top_ + "/ledger", directory(), [this, follows] { return follows ? ledger_->standing().durable : 0; }});
  }
  Answers answers(Index& index) {
    Answers all;
    for (bool newest : {false, true})
      for (core::AuditQuery query : std::vector<core::AuditQuery>{{.kind = "exec."},
                                                                  {.host = "evil.test"},
                                                                  {.text = "word3"},
                                                                  {.sandbox = "s0000000000000002", .text = "word1"},
                                                                  {.text = "nowhere"},
                                                                  {}}) {
        query.newest_first = newest;
        std::vector<uint64_t>& found = all.emplace_back();
        base::Status status = index.search(query, ledger_->size(), [&](const audit::Entry& entry) {
          found.push_back(entry.envelope.index);
          return true;
        });
        EXPECT_TRUE(status) << status.error().text();
      }
    return all;
  }
  // Of the journal alone, whatever lies in the index's directory.
  Answers truth() {
    std::string kept = top_ + "/none";
    auto reading = std::make_unique<Index>(Index::Options{top_ + "/ledger", kept, [] { return uint64_t{0}; }});
    return answers(*reading);
  }
  std::vector<std::string> shards() const {
    std::vector<std::string> paths;
    for (const audit::SegmentFile& segment : *audit::list_segments(top_ + "/ledger"))
      paths.push_back(base::format("{}/{:020}.index", directory(), segment.first_index));
    return paths;
  }
  // Started anew on a disk that is well: everything is in it, and it says the same as the journal.
  void expect_whole(const Answers& expected) {
    auto again = index();
    again->wait_for(ledger_->size());
    EXPECT_EQ(again->standing().failure, "");
    EXPECT_EQ(again->standing().indexed, ledger_->size());
    EXPECT_EQ(answers(*again), expected);
    std::vector<std::string> paths = shards();
    for (size_t i = 0; i + 1 < paths.size(); ++i) EXPECT_TRUE(is_sealed(paths[i])) << paths[i];
  }
  // An index begins in an empty directory while call `number` fails, and is asked; then all is well again.
  void live(FaultyVfs& disk, size_t number, DiskFault fault, bool for_good, const Answers& expected) {
    (void)base::remove_tree(directory());
    disk.fail(number, fault, for_good);
    {
      auto failing = index();
      failing->wait_for(ledger_->size());
      EXPECT_EQ(answers(*failing), expected) << failing->standing().failure;
    }
    disk.heal();
    expect_whole(expected);
  }

  std::string top_;
  std::unique_ptr<audit::Ledger> ledger_;
  std::unique_ptr<Index> index_;
};

std::string name_of(DiskFault fault) {
  static constexpr std::array names{"none", "full", "error", "torn", "garbage"};
  return names[static_cast<size_t>(fault)];
}

class IndexOnABadDiskWith : public IndexOnABadDisk, public testing::WithParamInterface<std::tuple<DiskFault, bool>> {};
INSTANTIATE_TEST_SUITE_P(Disks, IndexOnABadDiskWith,
                         testing::Values(std::tuple(DiskFault::full, false), std::tuple(DiskFault::full, true),
                                         std::tuple(DiskFault::error, false), std::tuple(DiskFault::error, true),
                                         std::tuple(DiskFault::torn, false), std::tuple(DiskFault::garbage, false)));

TEST_P(IndexOnABadDiskWith, CostNoSearchAnAnswerAtAnyCall) {
  auto [fault, for_good] = GetParam();
  FaultyVfs disk;
  Answers expected = truth();
  live(disk, SIZE_MAX, DiskFault::none, false, expected);
  (void)base::remove_tree(directory());
  disk.fail(SIZE_MAX, DiskFault::none, false);
  {
    auto counting = index();
    counting->wait_for(ledger_->size());
    (void)answers(*counting);
  }
  size_t count = disk.count();
  ASSERT_GT(count, 100u);
  size_t met = 0;
  for (size_t number = 0; number < count; ++number) {
    SCOPED_TRACE(
        base::format("{} {} at call {} of {}", name_of(fault), for_good ? "from then on" : "once", number, count));
    live(disk, number, fault, for_good, expected);
    if (disk.met()) ++met;
    if (HasFailure()) return;
  }
  EXPECT_GT(met, count / 20);
}

// Each page of each file in turn, while nobody has it open.
TEST_F(IndexOnABadDisk, OfADamagedPageAreFoundAndMended) {
  Answers expected = truth();
  expect_whole(expected);
  std::vector<std::string> paths = shards();
  for (const std::string& path : {paths[0], paths.back()}) {
    bool sealed = path == paths[0];
    std::string whole = *base::read_file(path);
    for (size_t page = 0; page * 4096 < whole.size(); ++page) {
      SCOPED_TRACE(base::format("page {} of {}", page, path));
      for (char with : {'\0', '\xa5'}) {
        std::string bytes = *base::read_file(path);
        if (page * 4096 >= bytes.size()) continue;
        // Of a shard that is still written only what SQLite itself can see is known for damage: a page that is gone.
        bytes.replace(page * 4096, 4096, 4096, with);
        ASSERT_TRUE(base::replace_file(path, bytes));
        expect_whole(expected);
      }
      if (!sealed) continue;
      // A single bit of a shard that is finished.
      std::string bytes = *base::read_file(path);
      bytes[page * 4096 + 2000] ^= 4;
      ASSERT_TRUE(base::replace_file(path, bytes));
      expect_whole(expected);
    }
  }
}

TEST_F(IndexOnABadDisk, OfFilesThatAreCutGoneOrSomethingElseAreMended) {
  Answers expected = truth();
  expect_whole(expected);
  for (const std::string& path : shards()) {
    SCOPED_TRACE(path);
    for (size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{4096}, size_t{6000}}) {
      std::filesystem::resize_file(path, size);
      expect_whole(expected);
    }
    ASSERT_TRUE(base::replace_file(path, std::string(20000, 'x')));
    expect_whole(expected);
    std::filesystem::remove(path);
    expect_whole(expected);
    // The log of a writer that is not there.
    ASSERT_TRUE(base::replace_file(path + "-wal", std::string(5000, 'w')));
    expect_whole(expected);
    remove_shard(path);
    std::filesystem::create_symlink("/nowhere/at/all", path);
    expect_whole(expected);
  }
  (void)base::remove_tree(directory());
  expect_whole(expected);
}

// A directory in the way of a file, or a file in the way of the directory, is not ours to remove: the index stands
// still and says so, and everything else goes on.
TEST_F(IndexOnABadDisk, ThatNobodyCanMendStopTheIndexAlone) {
  Answers expected = truth();
  ASSERT_TRUE(base::replace_file(directory(), "in the way"));
  {
    auto failing = index();
    failing->wait_for(ledger_->size());
    EXPECT_NE(failing->standing().failure, "");
    EXPECT_EQ(answers(*failing), expected);
    record(5);
    EXPECT_EQ(answers(*failing), truth());
  }
  std::filesystem::remove(directory());
  std::filesystem::create_directories(shards()[0] + "/in/the/way");
  {
    auto failing = index();
    failing->wait_for(ledger_->size());
    EXPECT_NE(failing->standing().failure, "");
    EXPECT_EQ(answers(*failing), truth());
  }
  std::filesystem::remove_all(shards()[0]);
  expect_whole(truth());
}

// Where modes count for root as well. A thread's capabilities are its own, and those of the threads that it starts.
void without_override(const std::function<void()>& claim) {
  std::thread([&claim] {
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2]{};
    ASSERT_EQ(::syscall(SYS_capget, &head, sets), 0);
    sets[0].effective &= ~(1U << CAP_DAC_OVERRIDE);
    ASSERT_EQ(::syscall(SYS_capset, &head, sets), 0);
    claim();
  }).join();
}

TEST_F(IndexOnABadDisk, OfAReadOnlyDirectoryStopTheIndexAlone) {
  Answers expected = truth();
  expect_whole(expected);
  remove_shard(shards()[0]);
  ASSERT_EQ(::chmod(directory().c_str(), 0500), 0);
  without_override([&] {
    auto failing = index();
    failing->wait_for(ledger_->size());
    EXPECT_NE(failing->standing().failure, "");
    EXPECT_EQ(answers(*failing), expected);
  });
  ASSERT_EQ(::chmod(directory().c_str(), 0700), 0);
  expect_whole(expected);
}

}  // namespace
}  // namespace hv::index
