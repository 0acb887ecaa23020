#include "cli/change_view.h"

#include <gtest/gtest.h>

#include "base/format.h"
#include "cli/golden_test.h"
#include "cli/layout.h"
#include "cli/sample_test.h"

namespace hv::cli {

TEST(ChangeView, ShowsAPatchForPeople) {
  std::string text = diff_text(sample_changes(), {.colour = false, .exact = false});
  EXPECT_EQ(text, golden("diff_plain", text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_TRUE(text.starts_with("held back: .envrc: direnv runs it by itself\n"));
}

TEST(ChangeView, PaintsLinesOnlyWhenAsked) {
  EXPECT_EQ(diff_text(sample_changes(), {.colour = true, .exact = false}),
            golden("diff_colour", diff_text(sample_changes(), {.colour = true, .exact = false})));
}

TEST(ChangeView, KeepsEveryByteForOtherPrograms) {
  std::string text = diff_text(sample_changes(), {.colour = false, .exact = true});
  EXPECT_NE(text.find("+print('\x1b[2Jmore')\n"), std::string::npos);
  EXPECT_NE(text.find("diff --git \"a/evil\\012\\033[31mname\" \"b/evil\\012\\033[31mname\"\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find(" end\n\\ No newline at end of file\n"), std::string::npos);
}

TEST(ChangeView, CountsAtEveryWidth) {
  for (size_t width : {size_t{60}, size_t{80}, size_t{120}})
    EXPECT_EQ(stat_text(sample_changes(), width),
              golden(base::format("stat_{}", width), stat_text(sample_changes(), width)));
  EXPECT_EQ(stat_text({}, 80), "no changes\n");
}

TEST(ChangeView, SaysHowToGoOnAfterARun) {
  EXPECT_EQ(leftover_text(sample_changes(), "web", 80),
            golden("leftover_80", leftover_text(sample_changes(), "web", 80)));
  core::ChangeReport live = sample_changes();
  live.mode = core::WorkspaceMode::live;
  std::string text = leftover_text(live, "web", 80);
  EXPECT_NE(text.find("hydravisor undo web"), std::string::npos);
  EXPECT_EQ(text.find("apply"), std::string::npos);
}

TEST(ChangeView, ListsPathsOneALine) {
  EXPECT_NE(name_text(sample_changes(), false).find("evil\\x0a\\x1b[31mname\n"), std::string::npos);
  EXPECT_NE(name_text(sample_changes(), true).find("\"evil\\012\\033[31mname\"\n"), std::string::npos);
}

TEST(ChangeView, TellsWhatApplyDidAndWhatIsStillPossible) {
  core::ApplyReport report{.applied = {"a.txt"},
                           .held = {{.path = ".envrc", .reason = "direnv runs it by itself"}},
                           .conflicts = {{.path = "b c", .reason = "the host changed it meanwhile"}},
                           .refs = {}};
  EXPECT_EQ(apply_text(report, "web"),
            "applied a.txt\n"
            "held back .envrc: direnv runs it by itself\n"
            "conflict b c: the host changed it meanwhile\n"
            "to apply a file that is held back: hydravisor apply web --accept .envrc\n"
            "to overwrite what changed on the host: hydravisor apply web --force 'b c'\n");
  EXPECT_EQ(apply_text({.applied = {"a"}, .held = {}, .conflicts = {}, .refs = {}, .dry_run = true}, "web"),
            "would apply a\n");
  EXPECT_EQ(apply_text({}, "web"), "nothing to apply\n");
  report = {.applied = {}, .held = {}, .conflicts = {{"lib/.git/refs/heads/main", "both moved it"}}, .refs = {}};
  EXPECT_NE(apply_text(report, "web").find("hydravisor apply web --force lib/.git\n"), std::string::npos);
}

}  // namespace hv::cli
