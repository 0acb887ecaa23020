#include "audit/spool_index.h"

#include <gtest/gtest.h>

namespace hv::audit {
namespace {

TEST(SpoolIndex, ForgetsWhoWasRemovedASegmentLater) {
  SpoolIndex index;
  index.note({"s1", 7}, 70);
  index.note({"s1/files", 1}, 71);
  index.note({"s2", 3}, 72);
  index.retire("s1");
  index.retire("s3");
  EXPECT_TRUE(index.find("s1")) << "its files may still be there";
  index.turn();
  // A daemon that ends here and the next one know the same.
  auto again = SpoolIndex::decode(index.encode());
  ASSERT_TRUE(again) << again.error().text();
  for (SpoolIndex* known : {&index, &*again}) {
    ASSERT_TRUE(known->find("s1"));
    EXPECT_EQ(known->find("s1")->sequence, 7u);
    EXPECT_TRUE(known->find("s1/files"));
    known->turn();
    EXPECT_FALSE(known->find("s1"));
    EXPECT_FALSE(known->find("s1/files"));
    ASSERT_TRUE(known->find("s2"));
    EXPECT_EQ(known->find("s2")->index, 72u);
  }
}

TEST(SpoolIndex, KnowsWhatStillComesInOfASandboxThatIsGone) {
  SpoolIndex index;
  index.note({"s1", 7}, 70);
  index.retire("s1");
  index.note({"s1", 6}, 80);
  EXPECT_EQ(index.find("s1")->sequence, 7u) << "what is recorded stays recorded";
  EXPECT_EQ(index.find("s1")->index, 70u);
  index.turn();
  index.note({"s1", 8}, 81);
  EXPECT_EQ(index.find("s1")->index, 81u);
  auto again = SpoolIndex::decode(index.encode());
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->find("s1")->sequence, 8u);
  again->turn();
  EXPECT_EQ(again->find("s1")->sequence, 8u) << "it was not removed again";
}

TEST(SpoolIndex, FindsEachOfManyThatAreGone) {
  SpoolIndex index;
  auto name = [](uint64_t i) { return "s" + std::to_string(i * 7919 % 1000); };
  for (uint64_t i = 0; i < 1000; ++i) {
    index.note({name(i), i + 1}, i);
    index.retire(name(i));
    if (i == 500) index.turn();
  }
  for (uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(index.find(name(i))) << name(i);
    EXPECT_EQ(index.find(name(i))->sequence, i + 1);
  }
  EXPECT_FALSE(index.find("s1000"));
}

// Ours are 17 characters; a journal that holds another must not make two of them one.
TEST(SpoolIndex, NeverForgetsANameTooLongForItsTable) {
  SpoolIndex index;
  std::string name(40, 'n');
  index.note({name, 7}, 70);
  index.retire(name);
  index.turn();
  index.turn();
  EXPECT_TRUE(index.find(name));
  EXPECT_FALSE(index.find(name.substr(0, 23)));
}

TEST(SpoolIndex, RefusesWhatItDidNotWrite) {
  SpoolIndex index;
  index.note({"s1", 7}, 70);
  std::string text = index.encode();
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    EXPECT_FALSE(SpoolIndex::decode(damaged)) << i;
  }
}

}  // namespace
}  // namespace hv::audit
