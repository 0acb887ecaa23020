#include "audit/deletions.h"

#include <gtest/gtest.h>

#include "base/format.h"

namespace hv::audit {
namespace {

using base::json::Object;

std::string text(const Deletions& deletions) {
  std::string all;
  deletions.for_each([&](const std::string& sandbox, const Range& range) {
    all += base::format("{}{}-{} ", sandbox, range.first, range.last);
  });
  return all;
}

TEST(Deletions, CoverWhatTheirEventsName) {
  Deletions deletions;
  EXPECT_FALSE(deletions.covers(3, "s1"));
  EXPECT_TRUE(deletions.add(Object{{"first", 3}, {"last", 5}}));
  EXPECT_TRUE(deletions.add(Object{{"first", 10}, {"last", 20}, {"sandbox", "s1"}}));
  for (const char* sandbox : {"", "s1", "s2"}) EXPECT_TRUE(deletions.covers(4, sandbox)) << sandbox;
  EXPECT_TRUE(deletions.covers(15, "s1"));
  // Of the others in between nothing is said.
  EXPECT_FALSE(deletions.covers(15, "s2"));
  EXPECT_FALSE(deletions.covers(15, ""));
  for (uint64_t index : {2, 6, 9, 21}) EXPECT_FALSE(deletions.covers(index, "s1")) << index;
}

TEST(Deletions, BecomeOneWhereTheyMeet) {
  Deletions deletions;
  EXPECT_TRUE(deletions.add({10, 12}, ""));
  EXPECT_TRUE(deletions.add({20, 22}, ""));
  EXPECT_TRUE(deletions.add({0, 3}, ""));
  EXPECT_EQ(text(deletions), "0-3 10-12 20-22 ");
  EXPECT_TRUE(deletions.add({13, 15}, ""));
  EXPECT_EQ(text(deletions), "0-3 10-15 20-22 ");
  EXPECT_FALSE(deletions.add({11, 14}, ""));
  EXPECT_TRUE(deletions.add({4, 25}, ""));
  EXPECT_EQ(text(deletions), "0-25 ");
}

TEST(Deletions, BelieveNothingThatSaysNoRange) {
  Deletions deletions;
  for (const Object& payload :
       {Object{}, Object{{"first", 1}}, Object{{"first", -1}, {"last", 5}}, Object{{"first", 5}, {"last", 1}},
        Object{{"first", "1"}, {"last", 2}}, Object{{"first", 1.5}, {"last", 2}},
        Object{{"first", 1}, {"last", 2}, {"sandbox", 7}}, Object{{"first", 1}, {"last", 2}, {"sandbox", ""}}})
    EXPECT_FALSE(deletions.add(payload)) << base::json::serialize(payload);
  EXPECT_EQ(text(deletions), "");
}

}  // namespace
}  // namespace hv::audit
