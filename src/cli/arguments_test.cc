#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"

namespace hv::cli {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

base::Result<Arguments> parse(const Command& command, std::vector<std::string_view> words) {
  return Arguments::parse(command, words);
}

std::string refusal(const Command& command, std::vector<std::string_view> words) {
  auto parsed = parse(command, std::move(words));
  return parsed ? "no refusal" : parsed.error().text();
}

}  // namespace

TEST(Arguments, GiveTheCommandItsOwnOptions) {
  auto parsed = parse(kRun, {"--policy", "locked", "ls", "-l", "--policy", "x", "--help"});
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->value("policy"), "locked");
  EXPECT_THAT(parsed->trailing(), ElementsAre("ls", "-l", "--policy", "x", "--help"));
  EXPECT_FALSE(parsed->has("help"));
}

TEST(Arguments, EndTheOptionsAtTwoDashes) {
  EXPECT_THAT(parse(kRun, {"-T", "--", "-odd", "--"})->trailing(), ElementsAre("-odd", "--"));
  EXPECT_THAT(parse(kInspect, {"--", "-name"})->words(), ElementsAre("-name"));
}

TEST(Arguments, AcceptOptionsBetweenNameAndCommand) {
  auto parsed = parse(kExec, {"web", "-it", "--", "sh", "-c", "true"});
  ASSERT_TRUE(parsed.has_value());
  EXPECT_THAT(parsed->words(), ElementsAre("web"));
  EXPECT_THAT(parsed->trailing(), ElementsAre("sh", "-c", "true"));
  EXPECT_TRUE(parsed->has("terminal") && parsed->has("interactive"));
  EXPECT_THAT(parse(kExec, {"web", "ls", "-t"})->trailing(), ElementsAre("ls", "-t"));
}

TEST(Arguments, ReadValuesInEverySpelling) {
  for (std::vector<std::string_view> words : std::vector<std::vector<std::string_view>>{
           {"--name", "x", "true"}, {"--name=x", "true"}, {"-n", "x", "true"}, {"-nx", "true"}, {"-Tnx", "true"}})
    EXPECT_EQ(parse(kRun, words)->value("name"), "x");
  EXPECT_THAT(parse(kRun, {"-e", "A=1", "--env=B", "true"})->values("env"), ElementsAre("A=1", "B"));
  EXPECT_EQ(parse(kRun, {"--name=", "true"})->value("name"), "");
}

TEST(Arguments, NameTheNearestOption) {
  EXPECT_EQ(refusal(kRun, {"--polcy", "x", "true"}), "run: unknown option '--polcy' (did you mean --policy?)");
  EXPECT_EQ(refusal(kList, {"--jsn"}), "ls: unknown option '--jsn' (did you mean --json?)");
  EXPECT_EQ(refusal(kRun, {"-Z"}), "run: unknown option '-Z' (see: hydravisor run --help)");
}

TEST(Arguments, RefuseWhatIsMissingOrTooMuch) {
  EXPECT_EQ(refusal(kRun, {"--name"}), "run: --name needs a value (NAME) (see: hydravisor run --help)");
  EXPECT_EQ(refusal(kRun, {}), "run: the command to run is missing (see: hydravisor run --help)");
  EXPECT_EQ(refusal(kExec, {"web", "--"}), "exec: the command to run is missing (see: hydravisor exec --help)");
  EXPECT_EQ(refusal(kInspect, {}), "inspect: NAME is missing (see: hydravisor inspect --help)");
  EXPECT_EQ(refusal(kInspect, {"a", "b"}), "inspect: takes one argument (see: hydravisor inspect --help)");
  EXPECT_EQ(refusal(kList, {"a"}), "ls: takes no names or paths (see: hydravisor ls --help)");
  EXPECT_EQ(refusal(kList, {"--quiet=yes"}), "ls: --quiet takes no value (see: hydravisor ls --help)");
  EXPECT_EQ(refusal(kRun, {"-n", "a", "-n", "b", "true"}), "run: --name is given twice (see: hydravisor run --help)");
}

TEST(Arguments, AskForNothingMoreThanHelp) {
  EXPECT_TRUE(parse(kInspect, {"--help"})->has("help"));
}

TEST(Arguments, TakeAnyNumberOfNames) {
  EXPECT_THAT(parse(kDiff, {"web", "a", "b"})->words(), ElementsAre("web", "a", "b"));
  EXPECT_THAT(parse(kStats, {})->words(), IsEmpty());
}

}  // namespace hv::cli
