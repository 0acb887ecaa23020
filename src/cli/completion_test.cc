#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hv::cli {

namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

Completions at(std::vector<std::string_view> words) {
  return complete(words);
}

std::vector<std::string> offered(std::vector<std::string_view> words) {
  std::vector<std::string> texts;
  for (const Offer& offer : at(std::move(words)).offers) texts.push_back(offer.word);
  return texts;
}

}  // namespace

TEST(Completion, OffersCommandsAndTheirSecondWords) {
  EXPECT_THAT(offered({"ins"}), ElementsAre("inspect"));
  EXPECT_THAT(offered({""}), Contains("audit"));
  EXPECT_THAT(offered({""}), Not(Contains("__complete")));
  EXPECT_THAT(offered({"audit", "v"}), ElementsAre("verify"));
  EXPECT_THAT(offered({"--v"}), ElementsAre("--version"));
}

TEST(Completion, OffersOptionsButNotTheHiddenOnes) {
  EXPECT_THAT(offered({"run", "--wor"}), ElementsAre("--workspace", "--workspace-dir"));
  EXPECT_THAT(offered({"run", "--skip"}), IsEmpty());
  EXPECT_THAT(offered({"diff", "web", "--js"}), ElementsAre("--json"));
}

TEST(Completion, OffersValues) {
  EXPECT_THAT(offered({"run", "--workspace", ""}), ElementsAre("cow", "live", "ro", "none"));
  EXPECT_THAT(offered({"run", "-w", "l"}), ElementsAre("live"));
  EXPECT_THAT(offered({"run", "--workspace=l"}), ElementsAre("--workspace=live"));
  EXPECT_THAT(offered({"completion", "z"}), ElementsAre("zsh"));
  EXPECT_EQ(at({"run", "--policy", ""}).kind, Completion::policies);
  EXPECT_EQ(at({"run", "--policy=r"}).prefix, "--policy=");
  EXPECT_EQ(at({"run", "--name", ""}).kind, Completion::none);
}

TEST(Completion, KnowsWhichArgumentIsWhat) {
  EXPECT_EQ(at({"inspect", ""}).kind, Completion::sandboxes);
  EXPECT_EQ(at({"rm", "a", "b", ""}).kind, Completion::sandboxes);
  EXPECT_EQ(at({"diff", "web", ""}).kind, Completion::files);
  EXPECT_EQ(at({"inspect", "web", ""}).kind, Completion::none);
  EXPECT_EQ(at({"exec", ""}).kind, Completion::sandboxes);
}

TEST(Completion, LeavesAnotherCommandsWordsToTheShell) {
  EXPECT_TRUE(at({"run", ""}).another_command);
  EXPECT_TRUE(at({"run", "--policy", "locked", "gi"}).another_command);
  EXPECT_TRUE(at({"run", "git", "--vers"}).another_command);
  EXPECT_TRUE(at({"exec", "web", "--", "--x"}).another_command);
  EXPECT_FALSE(at({"exec", "web", "-"}).another_command);
}

TEST(Completion, HasAScriptForEachShellItNames) {
  for (std::string_view shell : {"bash", "zsh", "fish"})
    EXPECT_NE(completion_script(shell).find("__complete"), std::string_view::npos);
  EXPECT_TRUE(completion_script("tcsh").empty());
}

}  // namespace hv::cli
