#include "supervisor/attempt_queue.h"

#include <vector>

#include <gtest/gtest.h>

namespace hv::supervisor {
namespace {

using std::chrono::milliseconds;

struct AttemptQueueTest : testing::Test {
  base::EventLoop loop = *base::EventLoop::create();
  std::vector<int> recorded;

  void add(AttemptQueue& queue, size_t bytes, int number) {
    queue.add(bytes, [this, number] { recorded.push_back(number); });
  }
  void run_for(milliseconds time) {
    loop.after(time, [this] { loop.stop(); });
    ASSERT_TRUE(loop.run());
  }
};

TEST_F(AttemptQueueTest, RecordsAtOnceWhatFitsIntoTheBudget) {
  AttemptQueue queue(loop, {.burst = 100, .per_second = 1});
  for (int i = 0; i < 10; ++i) add(queue, 10, i);
  EXPECT_EQ(recorded.size(), 10u);
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST_F(AttemptQueueTest, HoldsTheRestBackUntilTheBudgetComesBackInOrder) {
  AttemptQueue queue(loop, {.burst = 100, .per_second = 200});
  for (int i = 0; i < 200; ++i) add(queue, 10, i);
  EXPECT_LE(recorded.size(), 11u) << "a flood is not recorded at once";
  run_for(milliseconds(350));
  EXPECT_GT(recorded.size(), 12u) << "nor held back for ever";
  EXPECT_LT(recorded.size(), 40u);
  for (size_t i = 0; i < recorded.size(); ++i) EXPECT_EQ(recorded[i], static_cast<int>(i));
}

TEST_F(AttemptQueueTest, EndsUseTheBudgetAndWaitForNothing) {
  AttemptQueue queue(loop, {.burst = 100, .per_second = 1});
  queue.charge(1000);
  add(queue, 10, 0);
  EXPECT_EQ(recorded.size(), 0u);
  EXPECT_EQ(queue.waiting(), 1u);
}

TEST_F(AttemptQueueTest, KeepsNoMoreThanItsMost) {
  AttemptQueue queue(loop, {.burst = 10, .per_second = 1, .most_waiting = 5});
  for (int i = 0; i < 100; ++i) add(queue, 10, i);
  EXPECT_EQ(queue.waiting(), 5u);
}

TEST_F(AttemptQueueTest, ForgetsWhatADeadGatewayAsked) {
  AttemptQueue queue(loop, {.burst = 10, .per_second = 1000});
  add(queue, 10, 0);
  add(queue, 10, 1);
  queue.forget();
  add(queue, 10, 2);
  run_for(milliseconds(250));
  EXPECT_EQ(recorded, (std::vector<int>{0, 2}));
}

TEST_F(AttemptQueueTest, AnAttemptLargerThanTheBudgetIsRecordedInTheEnd) {
  AttemptQueue queue(loop, {.burst = 10, .per_second = 1000});
  add(queue, 8, 0);
  add(queue, 5000, 1);
  run_for(milliseconds(250));
  EXPECT_EQ(recorded.size(), 2u);
}

}  // namespace
}  // namespace hv::supervisor
