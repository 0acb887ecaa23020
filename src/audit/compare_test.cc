#include "audit/compare.h"

#include <gtest/gtest.h>

namespace hv::audit {
namespace {

// A letter is an entry.
std::vector<Digest> leaves(std::string_view text) {
  std::vector<Digest> result;
  for (char c : text) result.push_back(leaf_hash(std::string_view(&c, 1)));
  return result;
}
std::vector<Difference> compare(std::string_view sealed, std::string_view found) {
  return compare_leaves(leaves(sealed), leaves(found), 0);
}
using enum ProblemKind;
using Differences = std::vector<Difference>;

TEST(Compare, FindsNothingInEqualSequences) {
  EXPECT_EQ(compare("abcdef", "abcdef"), Differences{});
}
TEST(Compare, NamesChangedEntries) {
  EXPECT_EQ(compare("abcdefgh", "aXcdYZgh"), (Differences{{changed, {1, 1}}, {changed, {4, 5}}}));
}
TEST(Compare, NamesMissingEntries) {
  EXPECT_EQ(compare("abcdefgh", "abfgh"), (Differences{{missing, {2, 4}}}));
  EXPECT_EQ(compare("abcdefgh", "bcdefgh"), (Differences{{missing, {0, 0}}}));
}
TEST(Compare, NamesInsertedEntries) {
  EXPECT_EQ(compare("abcdef", "abXYcdef"), (Differences{{inserted, {2, 3}}}));
}
TEST(Compare, NamesExchangedEntries) {
  EXPECT_EQ(compare("abcdef", "aecdbf"), (Differences{{reordered, {1, 1}}, {reordered, {4, 4}}}));
  EXPECT_EQ(compare("abcdef", "abdcef"), (Differences{{reordered, {2, 3}}}));
}
TEST(Compare, TellsSeveralWrongsApart) {
  EXPECT_EQ(compare("abcdefghij", "aXcefgYhij"),
            (Differences{{changed, {1, 1}}, {missing, {3, 3}}, {inserted, {6, 6}}}));
}
TEST(Compare, NamesWhatIsCutOffAndIgnoresWhatIsNotSealedYet) {
  EXPECT_EQ(compare("abcdef", "abc"), (Differences{{truncated, {3, 5}}}));
  EXPECT_EQ(compare("abcdef", ""), (Differences{{truncated, {0, 5}}}));
  EXPECT_EQ(compare("abc", "abcdef"), Differences{});
}
TEST(Compare, CountsFromTheGivenIndex) {
  EXPECT_EQ(compare_leaves(leaves("abc"), leaves("aXc"), 1000), (Differences{{changed, {1001, 1001}}}));
}

}  // namespace
}  // namespace hv::audit
