#include "terminal/detach_keys.h"

#include <gtest/gtest.h>

namespace hv::terminal {

static DetachKeys usual() {
  return *DetachKeys::parse("ctrl-p,ctrl-q");
}

TEST(DetachKeys, ForwardEverythingThatIsNotTheSequence) {
  DetachKeys keys = usual();
  auto step = keys.feed("ls -l\r\x11\x03");
  EXPECT_EQ(step.forward, "ls -l\r\x11\x03");
  EXPECT_FALSE(step.detached);
}

TEST(DetachKeys, DetachEvenWhenTheKeysComeInSeparateReads) {
  DetachKeys keys = usual();
  auto first = keys.feed("a\x10");
  EXPECT_EQ(first.forward, "a");
  EXPECT_FALSE(first.detached);
  auto second = keys.feed("\x11 more");
  EXPECT_EQ(second.forward, "");
  EXPECT_TRUE(second.detached);
}

TEST(DetachKeys, GiveTheHeldKeyBackWhenTheSequenceBreaks) {
  DetachKeys keys = usual();
  EXPECT_EQ(keys.feed("\x10").forward, "");
  EXPECT_EQ(keys.feed("x").forward, "\x10x");
}

TEST(DetachKeys, FindASequenceThatStartsInsideABrokenOne) {
  DetachKeys keys = usual();
  auto step = keys.feed("\x10\x10\x11");
  EXPECT_EQ(step.forward, "\x10");
  EXPECT_TRUE(step.detached);
  DetachKeys triple = *DetachKeys::parse("a,a,b");
  auto late = triple.feed("aaab");
  EXPECT_EQ(late.forward, "a");
  EXPECT_TRUE(late.detached);
}

TEST(DetachKeys, AreOffWhenEmptyAndRefusedWhenUnreadable) {
  DetachKeys none = *DetachKeys::parse("");
  EXPECT_EQ(none.feed("\x10\x11").forward, "\x10\x11");
  EXPECT_FALSE(DetachKeys::parse("ctrl-").has_value());
  EXPECT_FALSE(DetachKeys::parse("alt-x").has_value());
  EXPECT_FALSE(DetachKeys::parse("ctrl-p,").has_value());
}

}  // namespace hv::terminal
