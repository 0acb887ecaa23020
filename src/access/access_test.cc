#include "access/access.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "access/decide.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::access {
namespace {

// "agent:ci exec sandbox=web label=a=b by=user:1" and what is answered.
std::string answer(const Judge& judge, const std::string& question) {
  std::vector<std::string> words = base::split(question, ' ');
  Resource resource;
  bool about = false;
  for (size_t i = 2; i < words.size(); ++i) {
    size_t equals = words[i].find('=');
    std::string key = words[i].substr(0, equals);
    std::string value = words[i].substr(equals + 1);
    about = true;
    if (key == "sandbox") resource.name = value;
    if (key == "agent") resource.agent = value;
    if (key == "by") resource.made_by = value;
    if (key == "label") resource.labels[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
  }
  Subject subject{*core::Principal::parse(words[0]), {}, {}};
  Decision decision = judge.decide(subject, *core::parse_name<core::Action>(words[1]), about ? &resource : nullptr);
  std::string text =
      base::format("{} {}: {}", decision.allowed ? "allow" : "deny", scope_name(decision.scope), decision.rule);
  if (decision.place.line != 0) text += base::format(" ({})", decision.place.text());
  return text;
}

// UPDATE_GOLDEN=1 writes what is answered now.
TEST(Access, EveryCaseHolds) {
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/access/testdata")) {
    if (entry.path().extension() != ".case") continue;
    SCOPED_TRACE(entry.path().filename().string());
    ++cases;
    std::string all = *base::read_file(entry.path().string());
    size_t line = all.find("\n---- ");
    ASSERT_NE(line, std::string::npos);
    size_t end = all.find('\n', line + 1);
    std::string head = all.substr(line + 1, end - line - 1);
    std::string expected = all.substr(end + 1);
    auto access = parse(all.substr(0, line + 1), "a.toml");
    std::string got;
    if (head == "---- expect error") {
      ASSERT_FALSE(access);
      got = access.error().message() + "\n";
    } else {
      ASSERT_EQ(head, "---- decide");
      ASSERT_TRUE(access) << access.error().message();
      Judge judge(*std::move(access), 1000);
      for (const std::string& each : base::split(expected, '\n')) {
        if (each.empty()) continue;
        std::string question = each.substr(0, each.find(" => "));
        got += question + " => " + answer(judge, question) + "\n";
      }
    }
    if (std::getenv("UPDATE_GOLDEN") != nullptr)
      ASSERT_TRUE(base::replace_file(entry.path().string(), all.substr(0, end + 1) + got, 0644));
    else
      EXPECT_EQ(got, expected);
  }
  EXPECT_GE(cases, 7);
}

TEST(Access, KnowsNobodyButOwnerAndRootWithoutAFile) {
  Judge judge(built_in(), 1000);
  for (auto [action, name] : core::Names<core::Action>::table) {
    for (uint32_t uid : {1000u, 0u}) EXPECT_TRUE(judge.decide({core::Principal::user(uid), {}, {}}, action).allowed);
    EXPECT_FALSE(judge.decide({core::Principal::user(1001), {}, {}}, action).allowed) << name;
    EXPECT_FALSE(judge.decide({*core::Principal::parse("agent:ci"), {}, {}}, action).allowed) << name;
    EXPECT_FALSE(judge.decide({core::Principal::system(), {}, {}}, action).allowed) << name;
  }
}

TEST(Access, NamesEveryCeilingOfAPrincipal) {
  Judge judge(*parse("version = 1\n[principals.\"agent:ci\"]\nrole = \"sandboxed\"\npolicy = \"mine\"\n", "a.toml"),
              1000);
  auto identity = judge.identify({*core::Principal::parse("agent:ci"), {}, {}});
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->ceilings, (std::vector<std::string>{"mine", "restricted"}));
  EXPECT_TRUE(judge.identify({core::Principal::user(1000), {}, {}})->ceilings.empty());
}

TEST(Access, GoesByTheRoleOfATokenOnlyWhereTheFileSaysNothing) {
  Judge judge(*parse("version = 1\n[principals.\"agent:ci\"]\nrole = \"sandboxed\"\n", "a.toml"), 1000);
  Subject named{*core::Principal::parse("agent:ci"), "trusted", {}};
  Subject other{*core::Principal::parse("agent:other"), "trusted", {}};
  Subject gone{*core::Principal::parse("agent:other"), "reviewer", {}};
  EXPECT_FALSE(judge.decide(named, core::Action::home_remove).allowed);
  EXPECT_TRUE(judge.decide(other, core::Action::home_remove).allowed);
  EXPECT_FALSE(judge.decide(gone, core::Action::daemon_read).allowed);
}

TEST(Access, LeavesATokenWhatItIsForOnly) {
  Judge judge(built_in(), 1000);
  Resource web{"web-1", "", {}, "user:1000"};
  Resource api{"api", "", {}, "user:1000"};
  Subject subject{
      core::Principal::user(1000), {}, {{"t1", {Pattern("exec"), Pattern("sandbox.*")}, {Pattern("web-*")}}}};
  EXPECT_TRUE(judge.decide(subject, core::Action::exec, &web).allowed);
  EXPECT_FALSE(judge.decide(subject, core::Action::exec, &api).allowed);
  EXPECT_FALSE(judge.decide(subject, core::Action::apply, &web).allowed);
  EXPECT_EQ(judge.decide(subject, core::Action::apply, &web).rule, "token t1 is not for 'apply'");
  // Every token it came from limits it too.
  subject.limits.push_back({"t0", {Pattern("sandbox.read")}, {}});
  EXPECT_FALSE(judge.decide(subject, core::Action::exec, &web).allowed);
  EXPECT_TRUE(judge.decide(subject, core::Action::sandbox_read, &web).allowed);
  // What is about no sandbox is nothing for a token that is for some of them.
  subject.limits = {{"t1", {}, {Pattern("web-*")}}};
  EXPECT_FALSE(judge.decide(subject, core::Action::policy_write).allowed);
  EXPECT_FALSE(judge.decide(subject, core::Action::audit_read).allowed);
  EXPECT_TRUE(judge.decide(subject, core::Action::daemon_read).allowed);
}

}  // namespace
}  // namespace hv::access
