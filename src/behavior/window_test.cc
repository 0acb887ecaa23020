#include "behavior/window.h"

#include <deque>
#include <random>

#include <gtest/gtest.h>

namespace hv::behavior {
namespace {

using namespace std::chrono_literals;

// Held against one that remembers everything: nothing within the window is missed, and nothing counts that is older by
// more than a 64th.
TEST(Window, IsExactButForA64th) {
  std::mt19937 random(7);
  Window window(6400ms);
  std::deque<std::pair<base::MonotonicTime, uint64_t>> all;
  base::MonotonicTime now{0};
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::microseconds(random() % 20'000);
    uint64_t amount = random() % 5;
    window.add(now, amount, i);
    all.emplace_back(now, amount);
    while (now - all.front().first > 6500ms) all.pop_front();
    uint64_t least = 0;
    uint64_t most = 0;
    for (auto [when, each] : all) {
      most += each;
      if (now - when <= 6400ms) least += each;
    }
    ASSERT_GE(window.total(now), least) << i;
    ASSERT_LE(window.total(now), most) << i;
  }
}

TEST(Window, RemembersTheLast64RecordsInTheirOrder) {
  Window window(10s);
  for (uint64_t i = 0; i < 100; ++i) window.add(1s, 1, i);
  std::vector<uint64_t> records = window.records(2s);
  ASSERT_EQ(records.size(), 64u);
  EXPECT_EQ(records.front(), 36u);
  EXPECT_EQ(records.back(), 99u);
  EXPECT_TRUE(window.records(30s).empty());
}

TEST(Window, LeavesOutRecordsThatAreNotKnown) {
  Window window(10s);
  window.add(1s, 1, Window::kUnknown);
  window.add(1s, 1, 0);
  EXPECT_EQ(window.records(1s), std::vector<uint64_t>{0});
  EXPECT_EQ(window.total(1s), 2u);
}

}  // namespace
}  // namespace hv::behavior
