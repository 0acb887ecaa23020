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
