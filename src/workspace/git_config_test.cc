#include "workspace/git_config.h"

#include <gtest/gtest.h>

namespace hv::workspace {
namespace {

std::string shown(std::string_view text) {
  std::string out;
  for (const GitSetting& setting : parse_git_config(text)) out += setting.name + "=" + setting.value + "|";
  return out;
}

TEST(GitConfig, IsReadAsGitReadsIt) {
  EXPECT_EQ(shown("[core]\n\thooksPath = .hooks\n"), "core.hookspath=.hooks|");
  EXPECT_EQ(shown("[Core] HooksPath=a b  ; comment\n bare\n"), "core.hookspath=a b|core.bare=|");
  EXPECT_EQ(shown("[filter \"LFS x\"]\nclean = \"run \\\"it\\\" # not a comment\" # one\n"),
            "filter.LFS x.clean=run \"it\" # not a comment|");
  EXPECT_EQ(shown("[core]\nhooksPath = .ho\\\noks\n"), "core.hookspath=.hooks|") << "a line that goes on";
  EXPECT_EQ(shown("# c\n[include]\npath = ../x\n[includeIf \"gitdir:~/w/\"]\npath = y"),
            "include.path=../x|includeif.gitdir:~/w/.path=y|");
}

TEST(GitConfig, EndsWhereGitWouldRefuseIt) {
  EXPECT_EQ(shown("[core]\na = 1\nb = \"open\nc = 2\n"), "core.a=1|");
  EXPECT_EQ(shown("a = 1\n"), "");
  EXPECT_EQ(shown("[core\na = 1\n"), "");
}

TEST(GitConfig, KnowsWhatRuns) {
  for (const char* name : {"core.fsmonitor", "filter.lfs.smudge", "merge.ours.driver", "diff.a.b.textconv"})
    EXPECT_TRUE(runs_a_command(name)) << name;
  for (const char* name : {"core.bare", "remote.origin.url", "alias.x", "branch.main.merge"})
    EXPECT_FALSE(runs_a_command(name)) << name;
  EXPECT_EQ(words_of_command("!sh -c 'tools/clean.sh --fast %f' | cat"),
            (std::vector<std::string>{"sh", "tools/clean.sh", "%f", "cat"}));
}

}  // namespace
}  // namespace hv::workspace
