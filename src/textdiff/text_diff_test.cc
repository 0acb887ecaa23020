#include "textdiff/text_diff.h"

#include <gtest/gtest.h>

namespace hv::textdiff {
namespace {

std::string render(const TextDiff& diff) {
  std::string text;
  for (const core::Hunk& hunk : diff.hunks) {
    text += "@" + std::to_string(hunk.old_start) + "," + std::to_string(hunk.old_lines) + " " +
            std::to_string(hunk.new_start) + "," + std::to_string(hunk.new_lines) + "\n";
    for (const core::DiffLine& line : hunk.lines)
      text += (line.kind == core::DiffLine::Kind::added     ? "+"
               : line.kind == core::DiffLine::Kind::removed ? "-"
                                                            : " ") +
              line.text + (line.no_newline ? "$" : "") + "\n";
  }
  return text;
}

TEST(TextDiff, ShowsLinesInHunks) {
  auto diff = diff_text("a\nb\nc\n", "a\nB\nc\n");
  ASSERT_TRUE(diff);
  EXPECT_EQ(render(*diff), "@1,3 1,3\n a\n-b\n+B\n c\n");
  EXPECT_EQ(diff->added_lines, 1u);
  EXPECT_EQ(diff->removed_lines, 1u);
}

TEST(TextDiff, SaysWhereTheLastNewlineIsMissing) {
  EXPECT_EQ(render(*diff_text("a\n", "a")), "@1,1 1,1\n-a\n+a$\n");
}

TEST(TextDiff, NewAndEmptiedFilesAreOneHunk) {
  EXPECT_EQ(render(*diff_text("", "x\ny\n")), "@0,0 1,2\n+x\n+y\n");
  EXPECT_EQ(render(*diff_text("x\n", "")), "@1,1 0,0\n-x\n");
  EXPECT_TRUE(diff_text("same", "same")->hunks.empty());
}

TEST(TextDiff, ANulMakesABinaryFile) {
  auto diff = diff_text("a", std::string_view("a\0b", 3));
  ASSERT_TRUE(diff);
  EXPECT_TRUE(diff->binary);
  EXPECT_TRUE(diff->hunks.empty());
}

}  // namespace
}  // namespace hv::textdiff
