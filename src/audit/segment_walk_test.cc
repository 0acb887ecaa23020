#include "audit/segment_walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "audit/test_directory.h"
#include "base/fd.h"

namespace hv::audit {
namespace {

class SegmentWalk : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory.path() + "/journal"); }
  // Payloads of these sizes; the walk sees some of them cut by the pieces that it reads.
  std::string segment(const std::vector<size_t>& sizes) {
    std::string bytes = encode_segment_header({kFirst, base::WallTime(std::chrono::seconds(1))});
    for (size_t i = 0; i < sizes.size(); ++i)
      append_frame(bytes, R"({"v":1,"n":)" + std::to_string(i) + "}", std::string(kSaltSize, 's'),
                   std::string(sizes[i], static_cast<char>('a' + i % 26)));
    return bytes;
  }
  WalkEnd walk(const std::string& bytes) {
    EXPECT_TRUE(base::replace_file(directory.path() + "/journal/" + segment_name(kFirst), bytes));
    together.clear();
    auto source = SegmentBytes::open(directory.path(), kFirst);
    auto end = walk_segment(*source, kFirst, [&](const WalkedRecord& record) -> base::Status {
      EXPECT_EQ(record.offset, kSegmentHeaderSize + together.size());
      EXPECT_EQ(record.index, kFirst + visited++);
      together += record.bytes;
      return {};
    });
    EXPECT_TRUE(end) << end.error().text();
    return end.value_or(WalkEnd{});
  }

  static constexpr uint64_t kFirst = 42;
  TestDirectory directory;
  std::string together;
  uint64_t visited = 0;
};

TEST_F(SegmentWalk, SeesEveryRecordWhateverItsSize) {
  std::vector<size_t> sizes;
  for (size_t i = 0; i < 3000; ++i) sizes.push_back(i % 500 == 499 ? kMaxFramedPayload : i * 7919 % 2000);
  std::string bytes = segment(sizes);
  ASSERT_GT(bytes.size(), size_t{5} << 20) << "more than is read at once";
  WalkEnd end = walk(bytes);
  EXPECT_EQ(end.index, kFirst + sizes.size());
  EXPECT_EQ(end.fault, FrameFault::none);
  EXPECT_TRUE(together == bytes.substr(kSegmentHeaderSize));
}

TEST_F(SegmentWalk, SaysWhereSoundRecordsEnd) {
  std::string bytes = segment({10, 20, 30});
  EXPECT_EQ(walk(bytes).index, kFirst + 3);
  visited = 0;
  WalkEnd cut = walk(bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(cut.index, kFirst + 2);
  EXPECT_EQ(cut.fault, FrameFault::incomplete);
  visited = 0;
  std::string changed = bytes;
  changed[segment({10}).size() + 16] ^= 1;
  WalkEnd damaged = walk(changed);
  EXPECT_EQ(damaged.index, kFirst + 1);
  EXPECT_EQ(damaged.fault, FrameFault::bad_header);
}

TEST_F(SegmentWalk, EndsWithWhatAVisitFailsWithAndAtADamagedHeader) {
  ASSERT_EQ(walk(segment({1, 2})).index, kFirst + 2);
  auto source = SegmentBytes::open(directory.path(), kFirst);
  auto failed =
      walk_segment(*source, kFirst, [](const WalkedRecord&) { return base::Failure(base::io_error("full")); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "full");
  ASSERT_TRUE(base::replace_file(directory.path() + "/journal/" + segment_name(kFirst), std::string(100, 'x')));
  source = SegmentBytes::open(directory.path(), kFirst);
  EXPECT_FALSE(walk_segment(*source, kFirst, [](const WalkedRecord&) { return base::Status{}; }));
  std::string another = encode_segment_header({kFirst + 1, base::WallTime(std::chrono::seconds(1))});
  ASSERT_TRUE(base::replace_file(directory.path() + "/journal/" + segment_name(kFirst), another));
  source = SegmentBytes::open(directory.path(), kFirst);
  EXPECT_FALSE(walk_segment(*source, kFirst, [](const WalkedRecord&) { return base::Status{}; }));
}

}  // namespace
}  // namespace hv::audit
