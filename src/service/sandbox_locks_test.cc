#include "service/sandbox_locks.h"

#include <gtest/gtest.h>

namespace hv::service {
namespace {

TEST(SandboxLocks, LetOneHoldEachSandbox) {
  SandboxLocks locks;
  auto first = locks.try_hold("a");
  ASSERT_TRUE(first);
  EXPECT_FALSE(locks.try_hold("a"));
  EXPECT_TRUE(locks.try_hold("b"));
  first.reset();
  EXPECT_TRUE(locks.try_hold("a"));
}

TEST(SandboxLocks, TellWhoeverAskedThatASandboxIsFree) {
  SandboxLocks locks;
  auto hold = locks.try_hold("a");
  int told = 0;
  // Whoever is told may take it at once.
  for (int i = 0; i < 2; ++i) locks.call_when_free("a", [&] { told += locks.try_hold("a") ? 1 : 0; });
  EXPECT_EQ(told, 0);
  hold.reset();
  EXPECT_EQ(told, 2);
  locks.call_when_free("a", [&] { ++told; });
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace hv::service
