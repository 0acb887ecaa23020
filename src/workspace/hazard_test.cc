#include "workspace/hazard.h"

#include <gtest/gtest.h>

#include "workspace/bytes.h"
#include "workspace/request.h"

namespace hv::workspace {
namespace {

TEST(Hazard, HoldsWhatTheHostRunsByItself) {
  for (const char* path : {".git/hooks/post-checkout",
                           "sub/.git/config",
                           ".GIT/config",
                           ".git",
                           ".gitattributes",
                           "a/.envrc",
                           ".vscode/tasks.json",
                           ".vscode",
                           "x/.vscode/deep/file",
                           ".devcontainer/Dockerfile",
                           ".devcontainer.json",
                           ".claude/settings.json",
                           ".mcp.json",
                           ".codex/config.toml",
                           ".gemini/settings.json",
                           ".cursor/mcp.json",
                           ".husky/pre-commit",
                           ".pre-commit-config.yaml",
                           "lefthook.yml",
                           ".idea/workspace.xml",
                           ".ENVRC",
                           "project.code-workspace"})
    EXPECT_EQ(classify_path(path).hazard, core::Hazard::held) << path;
}

TEST(Hazard, ShowsWhatABuildRuns) {
  for (const char* path : {"package.json", "web/package.json", "Makefile", "src/CMakeLists.txt", "setup.py", "build.rs",
                           ".github/workflows/ci.yml", "AGENTS.md", "docker-compose.yml", "vite.config.ts"})
    EXPECT_EQ(classify_path(path).hazard, core::Hazard::notice) << path;
}

TEST(Hazard, LeavesOrdinaryFilesAlone) {
  for (const char* path :
       {"src/main.cc", ".gitignore", "docs/git/hooks.md", "vscode/tasks.json", "README.md", "claude.txt"})
    EXPECT_EQ(classify_path(path).hazard, core::Hazard::none) << path;
}

TEST(Hazard, ALinkLeadsOutByItsTextAlone) {
  EXPECT_TRUE(leads_out("l", "/etc/passwd"));
  EXPECT_TRUE(leads_out("l", "../x"));
  EXPECT_TRUE(leads_out("d/l", "../../x"));
  EXPECT_TRUE(leads_out("d/l", "other/../../x"));
  EXPECT_FALSE(leads_out("d/l", "../x"));
  EXPECT_FALSE(leads_out("d/l", "./x/y"));
}

TEST(Bytes, EveryNameSurvivesTheEscaping) {
  for (std::string_view name :
       {std::string_view("plain"), std::string_view("back\\slash"), std::string_view("\xff\xfe"),
        std::string_view("\xc3\xa4"), std::string_view("\xc3"), std::string_view("\\x41"), std::string_view("a\nb")})
    EXPECT_EQ(decode_bytes(encode_bytes(name)), std::string(name));
  EXPECT_EQ(encode_bytes("a\\b\xff"), "a\\\\b\\xff");
  EXPECT_FALSE(decode_bytes("\\q"));
  EXPECT_FALSE(decode_bytes("\\x4"));
}

TEST(Bytes, APathThatLeavesTheWorkspaceIsNoPath) {
  for (const char* path : {"", "/a", "a/", "a//b", "../a", "a/../b", "."})
    EXPECT_FALSE(check_relative_path(path)) << path;
  EXPECT_TRUE(check_relative_path("a/..b/.c"));
}

TEST(Request, ComesBackAsItWasSent) {
  Request request;
  request.operation = Operation::apply;
  request.places = {"/home/u/p\xff", "/state/workspace", "/home/u/.git"};
  request.apply.paths = {"a\xfe"};
  request.apply.accept = {".envrc"};
  request.apply.hunks = {{"a", {0, 2}}};
  request.apply.force = true;
  auto back = parse_request(to_text(request));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->operation, Operation::apply);
  EXPECT_EQ(back->places.host, request.places.host);
  EXPECT_EQ(back->apply.paths, request.apply.paths);
  EXPECT_EQ(back->apply.hunks[0].hunks, (std::vector<uint32_t>{0, 2}));
  EXPECT_TRUE(back->apply.force);
  EXPECT_FALSE(parse_request("{\"version\":1,\"operation\":\"explode\"}"));
}

TEST(Request, ARefusalKeepsItsCodeAndHint) {
  auto back = parse_answer(answer_text(base::Failure(base::conflict("no\xff").with_hint("stop it first"))));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), base::ErrorCode::conflict);
  EXPECT_EQ(back.error().message(), "no\xff");
  EXPECT_EQ(back.error().hint(), "stop it first");
}

}  // namespace
}  // namespace hv::workspace
