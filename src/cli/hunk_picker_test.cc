#include "cli/hunk_picker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hv::cli {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

core::Hunk hunk(uint32_t line) {
  return {.old_start = line,
          .old_lines = 1,
          .new_start = line,
          .new_lines = 1,
          .lines = {{core::DiffLine::Kind::added, "x", false}}};
}

core::ChangeReport two_files() {
  core::FileChange first;
  first.path = "a.txt";
  first.hunks = {hunk(1), hunk(10), hunk(20)};
  core::FileChange second;
  second.path = ".envrc";
  second.kind = core::ChangeKind::added;
  second.hazard = core::Hazard::held;
  second.hunks = {hunk(1)};
  core::ChangeReport report;
  report.files = {first, second};
  return report;
}

// Answers one character after the other; past the end, as if standard input had ended.
std::optional<core::ApplyRequest> answer(std::string answers) {
  size_t next = 0;
  return pick_hunks(
      two_files(), {},
      {.show = [](std::string_view) {},
       .ask = [&](std::string_view) { return next < answers.size() ? std::optional(answers[next++]) : std::nullopt; }});
}

}  // namespace

TEST(HunkPicker, TakesTheHunksThatWereMeant) {
  auto request = answer("ynyn");
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT(request->paths, ElementsAre("a.txt"));
  ASSERT_EQ(request->hunks.size(), 1u);
  EXPECT_EQ(request->hunks[0].path, "a.txt");
  EXPECT_THAT(request->hunks[0].hunks, ElementsAre(0u, 2u));
  EXPECT_THAT(request->accept, IsEmpty());
}

TEST(HunkPicker, TakesAFileWholeWhenEveryHunkIsMeant) {
  for (std::string answers : {"yyyn", "an", "yan"}) {
    auto request = answer(answers);
    ASSERT_TRUE(request.has_value()) << answers;
    EXPECT_THAT(request->paths, ElementsAre("a.txt"));
    EXPECT_THAT(request->hunks, IsEmpty());
  }
}

TEST(HunkPicker, AcceptsAHeldFileOnlyByAnAnswer) {
  auto request = answer("dy");
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT(request->paths, ElementsAre(".envrc"));
  EXPECT_THAT(request->accept, ElementsAre(".envrc"));
}

TEST(HunkPicker, KeepsWhatWasChosenBeforeQuitting) {
  auto request = answer("yq");
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT(request->hunks[0].hunks, ElementsAre(0u));
  EXPECT_EQ(answer("q"), std::nullopt);
  EXPECT_EQ(answer(""), std::nullopt);
  EXPECT_EQ(answer("dn"), std::nullopt);
}

TEST(HunkPicker, AsksAgainWhenTheAnswerIsNoAnswer) {
  auto request = answer("?xynnn");
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT(request->hunks[0].hunks, ElementsAre(0u));
}

}  // namespace hv::cli
