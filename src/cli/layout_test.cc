#include "cli/layout.h"

#include <gtest/gtest.h>

namespace hv::cli {

TEST(Layout, CountsColumnsAsATerminalDoes) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("\xc3\xa9"), 1u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);
  EXPECT_EQ(display_width("\xe6\xbc\xa2\xe5\xad\x97"), 4u);
  EXPECT_EQ(display_width("\xf0\x9f\x98\x80"), 2u);
}

TEST(Layout, ShortensWithoutCuttingACharacter) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abcde\xe2\x80\xa6");
  EXPECT_EQ(shorten("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", 4), "\xe6\xbc\xa2\xe2\x80\xa6");
}

TEST(Layout, WrapsAtWordsAndIndentsWhatFollows) {
  EXPECT_EQ(wrap("one two three four", 9), "one two\nthree\nfour");
  EXPECT_EQ(wrap("one two three", 9, 2), "one two\n  three");
  EXPECT_EQ(wrap("averylongword and", 5), "averylongword\nand");
  EXPECT_EQ(wrap("one two", 9, 4, 6), "one\n    two");
  EXPECT_EQ(wrap("a\nb c", 9, 2), "a\n  b c");
}

TEST(Layout, GivesATableItsColumnsAndShortensTheWidest) {
  Table table({"NAME", "TEXT"});
  table.add({"a", "a long text that does not fit"});
  table.add({"\xc3\xa9\xc3\xa9", ""});
  EXPECT_EQ(table.render(kUnlimited), "NAME  TEXT\na     a long text that does not fit\n\xc3\xa9\xc3\xa9\n");
  EXPECT_EQ(table.render(20), "NAME  TEXT\na     a long text t\xe2\x80\xa6\n\xc3\xa9\xc3\xa9\n");
}

TEST(Layout, MakesCellsHarmless) {
  Table table({"NAME"});
  table.add({"a\x1b]0;x\x07\n"});
  EXPECT_EQ(table.render(kUnlimited), "NAME\na\\x1b]0;x\\x07\\x0a\n");
}

}  // namespace hv::cli
