#include "workspace/review.h"

#include <gtest/gtest.h>

#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

class Reviewing : public ::testing::Test, protected OverlayWorld {
 protected:
  Review review() {
    Opened opened = open();
    ChangeSet set = find_changes(opened, opened.baseline().value()).value();
    return Review::of(opened, set.changes).value();
  }
  // What apply refuses when it is held to what was shown before.
  std::string refused(const Review& shown) {
    Opened opened = open();
    auto applied = apply(opened, {}, differ, {.also_held = {}, .review = &shown});
    EXPECT_TRUE(applied) << applied.error().message();
    std::string text;
    if (applied)
      for (const core::Refusal& refusal : applied->report.conflicts) text += refusal.path + "\n";
    return text;
  }
};

TEST_F(Reviewing, TheDigestStandsForAllThatIsShown) {
  host("echo one > a; echo m > mode; ln -s a l");
  INSIDE_OR_SKIP("echo two > a; echo new > n");
  std::string first = review().digest();
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(review().digest(), first) << "looking changes nothing";
  std::string last = first;
  for (const char* script : {"echo TWO > a", "chmod 755 mode", "ln -sf mode l", "rm n", "mkdir d", "echo three > m2"}) {
    ASSERT_TRUE(inside(script));
    std::string next = review().digest();
    EXPECT_NE(next, last) << script;
    last = next;
  }
  wait_a_tick();
  shell("echo host > a");
  EXPECT_NE(review().digest(), last) << "what the host had is shown too";
}

TEST_F(Reviewing, WhatChangedAfterItWasShownDoesNotGo) {
  host("echo one > a; echo one > b; echo m > mode");
  INSIDE_OR_SKIP("echo two > a; echo two > b; echo ok > fine");
  Review shown = review();
  // The same size, the same everything but the bytes; and what was not there at all.
  ASSERT_TRUE(inside("echo bad > a; chmod 755 b; echo late > late"));
  EXPECT_EQ(refused(shown), "a\nb\nlate\n");
  EXPECT_EQ(text("a") + text("b") + text("fine") + text("late"), "one\none\nok\n(absent)");
  Review again = review();
  EXPECT_EQ(refused(again), "");
  EXPECT_EQ(text("a") + text("late"), "bad\nlate\n") << "the control";
}

TEST(Review, ContentIsTheSameHoweverItIsRead) {
  std::string large((size_t{3} << 20) + 17, 'x');
  char path[] = "/tmp/hv-review-XXXXXX";
  base::Fd file(::mkstemp(path));
  ASSERT_TRUE(base::write_all(file.get(), large));
  EXPECT_EQ(content_id(file.get()).value(), content_id(large));
  large.back() = 'y';
  EXPECT_NE(content_id(file.get()).value(), content_id(large));
  ::unlink(path);
}

TEST(Review, HoldsRefsToWhereTheyWent) {
  Review review;
  review.add_ref(".git", {"refs/heads/main", "a", "b", 1});
  EXPECT_TRUE(review.shows_ref(".git", {"refs/heads/main", "a", "b", 7}));
  EXPECT_FALSE(review.shows_ref(".git", {"refs/heads/main", "a", "c", 1}));
  EXPECT_FALSE(review.shows_ref("sub/.git", {"refs/heads/main", "a", "b", 1}));
  EXPECT_NE(review.digest(), Review().digest());
}

}  // namespace
}  // namespace hv::workspace
