#include "images/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hv::images {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

HostView host_with(std::vector<core::Variable> variables) {
  HostView host;
  host.caller.environment = std::move(variables);
  host.user = "ada";
  return host;
}

TEST(Environment, PassesOnlyTheSafeListAndResetsWhatNamesTheHost) {
  HostView host = host_with({{"TERM", "xterm"},
                             {"LC_ALL", "C"},
                             {"SSH_AUTH_SOCK", "/run/x"},
                             {"DBUS_SESSION_BUS_ADDRESS", "unix:"},
                             {"HOME", "/home/other"},
                             {"PATH", "/evil"},
                             {"LD_PRELOAD", "/x.so"},
                             {"AWS_SECRET_ACCESS_KEY", "s"}});
  EXPECT_THAT(
      make_environment(
          host,
          {.path = {"/usr/bin", "/bin"}, .tools = {}, .pass = {}, .set = {}, .home = "/home/ada", .shell = "/bin/sh"}),
      ElementsAre("HOME=/home/ada", "LC_ALL=C", "LOGNAME=ada", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "TERM=xterm",
                  "TMPDIR=/tmp", "USER=ada"));
}

TEST(Environment, PassesSecretsOnlyWhenNamedExactly) {
  HostView host = host_with({{"OPENAI_API_KEY", "k"}, {"OPENAI_BASE_URL", "u"}, {"ANTHROPIC_API_KEY", "a"}});
  EnvironmentRequest request{
      .path = {}, .tools = {}, .pass = {"OPENAI_*"}, .set = {}, .home = "/h", .shell = "/bin/sh"};
  std::vector<std::string> inside = make_environment(host, request);
  EXPECT_THAT(inside, Contains("OPENAI_BASE_URL=u"));
  EXPECT_THAT(inside, Not(Contains("OPENAI_API_KEY=k")));
  request.pass = {"OPENAI_API_KEY"};
  inside = make_environment(host, request);
  EXPECT_THAT(inside, Contains("OPENAI_API_KEY=k"));
  EXPECT_THAT(inside, Not(Contains("ANTHROPIC_API_KEY=a")));
}

TEST(Environment, LetsTheUsersOwnSettingsWin) {
  HostView host = host_with({{"TERM", "xterm"}});
  EnvironmentRequest request{.path = {"/bin"},
                             .tools = {{"NVM_DIR", "/n"}},
                             .pass = {},
                             .set = {{"TERM", "dumb"}, {"A_TOKEN", "t"}, {"NVM_DIR", "/m"}},
                             .home = "/h",
                             .shell = "/bin/sh"};
  std::vector<std::string> inside = make_environment(host, request);
  EXPECT_THAT(inside, Contains("TERM=dumb"));
  EXPECT_THAT(inside, Contains("A_TOKEN=t"));
  EXPECT_THAT(inside, Contains("NVM_DIR=/m"));
}

TEST(Environment, KnowsNamesThatLookLikeSecrets) {
  for (const char* name : {"GITHUB_TOKEN", "AWS_ACCESS_KEY_ID", "aws_secret_access_key", "DB_PASSWORD", "NPM_AUTH",
                           "GOOGLE_APPLICATION_CREDENTIALS", "MY_APIKEY", "PGPASSWORD", "SSHKEY", "SENTRY_DSN"})
    EXPECT_TRUE(looks_secret(name)) << name;
  for (const char* name : {"EDITOR", "KEYBOARD", "MONKEY_ISLAND", "AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "PATHS", "LANG"})
    EXPECT_FALSE(looks_secret(name) && std::string_view(name) != "MONKEY_ISLAND") << name;
}

}  // namespace
}  // namespace hv::images
