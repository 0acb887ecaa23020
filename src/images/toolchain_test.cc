#include "images/toolchain.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/fake_host_test.h"
#include "images/interpreter.h"
#include "images/secret_paths.h"

namespace hv::images {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class ToolchainTest : public FakeHost, public testing::Test {
 protected:
  // Finds, and keeps what would be bound and linked, relative to the top.
  void find(const std::string& command, const std::string& workspace = "") {
    Binder binder(system_directories(host_), home_);
    found_ = find_toolchain(host_, command, workspace, binder);
    binds_.clear();
    links_.clear();
    for (const core::Mount& mount : binder.mounts()) {
      std::string place = mount.target.starts_with(top_ + "/") ? mount.target.substr(top_.size() + 1) : mount.target;
      if (mount.kind == core::Mount::Kind::symlink) {
        links_.push_back(place + " -> " + mount.content);
        continue;
      }
      EXPECT_FALSE(mount.writable) << place;
      EXPECT_EQ(mount.source, mount.target);
      binds_.push_back(place);
    }
    error_ = explain_missing(command, host_, found_, binder).text();
  }
  bool shows(const std::string& path) {
    return std::ranges::any_of(binds_, [&](const std::string& bind) { return lies_in(path, bind); });
  }
  std::string value_of(const std::string& name) {
    for (const core::Variable& entry : found_.environment)
      if (entry.name == name) return entry.value;
    return "";
  }

  Toolchain found_;
  std::vector<std::string> binds_;
  std::vector<std::string> links_;
  std::string error_;
};

TEST_F(ToolchainTest, BindsANodeFromNvmWithItsGlobalPackages) {
  program("home/ada/.nvm/versions/node/v22.1.0/bin/node");
  link("home/ada/.nvm/versions/node/v22.1.0/bin/agent", "../lib/node_modules/agent/cli.js");
  program("home/ada/.nvm/versions/node/v22.1.0/lib/node_modules/agent/cli.js", "#!/usr/bin/env node\n");
  file("home/ada/.nvm/versions/node/v22.1.0/etc/npmrc", "//registry/:_authToken=x");
  file("home/ada/.nvm/versions/node/v20.0.0/etc/npmrc", "//registry/:_authToken=y");
  file("home/ada/.nvm/nvm.sh");
  set("PATH", home_ + "/.nvm/versions/node/v22.1.0/bin:/usr/bin");
  set("NVM_DIR", home_ + "/.nvm");
  find("agent");
  EXPECT_EQ(found_.program, home_ + "/.nvm/versions/node/v22.1.0/bin/agent");
  EXPECT_TRUE(shows("home/ada/.nvm/versions/node/v22.1.0/lib/node_modules/agent/cli.js"));
  EXPECT_TRUE(shows("home/ada/.nvm/versions/node/v22.1.0/bin/node"));
  EXPECT_TRUE(shows("home/ada/.nvm/nvm.sh"));
  EXPECT_FALSE(shows("home/ada/.ssh"));
  EXPECT_EQ(value_of("NVM_DIR"), home_ + "/.nvm");
  EXPECT_THAT(found_.masked, testing::ElementsAre(home_ + "/.nvm/versions/node/v20.0.0/etc/npmrc",
                                                  home_ + "/.nvm/versions/node/v22.1.0/etc/npmrc"));
  EXPECT_EQ(found_.path, (std::vector<std::string>{home_ + "/.nvm/versions/node/v22.1.0/bin", "/usr/bin"}));
}

TEST_F(ToolchainTest, BindsAPythonBehindPyenvsShims) {
  program("home/ada/.pyenv/shims/python3", "#!/usr/bin/env bash\nexec pyenv exec python3\n");
  program("home/ada/.pyenv/libexec/pyenv", "#!/usr/bin/env bash\n");
  link("home/ada/.pyenv/bin/pyenv", "../libexec/pyenv");
  program("home/ada/.pyenv/versions/3.12.1/bin/python3.12");
  file("home/ada/.pyenv/versions/3.12.1/lib/python3.12/os.py");
  file("home/ada/.pyenv/version", "3.12.1\n");
  set("PATH", home_ + "/.pyenv/shims:" + home_ + "/.pyenv/bin:/usr/bin:/bin");
  find("python3");
  EXPECT_TRUE(shows("home/ada/.pyenv/shims/python3"));
  EXPECT_TRUE(shows("home/ada/.pyenv/libexec/pyenv"));
  EXPECT_TRUE(shows("home/ada/.pyenv/versions/3.12.1/lib/python3.12/os.py"));
  EXPECT_TRUE(shows("home/ada/.pyenv/version"));
  EXPECT_EQ(value_of("PYENV_ROOT"), home_ + "/.pyenv");
}

TEST_F(ToolchainTest, BindsRustupsToolchainsButNotCargosCredentials) {
  program("home/ada/.cargo/bin/rustup");
  link("home/ada/.cargo/bin/cargo", "rustup");
  file("home/ada/.cargo/credentials.toml", "token");
  program("home/ada/.rustup/toolchains/stable/bin/cargo");
  file("home/ada/.rustup/settings.toml");
  set("PATH", home_ + "/.cargo/bin:/usr/bin");
  find("cargo");
  EXPECT_TRUE(shows("home/ada/.cargo/bin/cargo"));
  EXPECT_TRUE(shows("home/ada/.rustup/toolchains/stable/bin/cargo"));
  EXPECT_TRUE(shows("home/ada/.rustup/settings.toml"));
  EXPECT_FALSE(shows("home/ada/.cargo/credentials.toml"));
  EXPECT_EQ(value_of("RUSTUP_HOME"), home_ + "/.rustup");
}

TEST_F(ToolchainTest, FollowsALinkFromLocalBinToWhatItStandsFor) {
  program("home/ada/.local/share/claude/versions/2.1.0");
  link("home/ada/.local/bin/claude", home_ + "/.local/share/claude/versions/2.1.0");
  file("home/ada/.local/share/keyrings/login.keyring");
  set("PATH", home_ + "/.local/bin:/usr/bin");
  find("claude");
  EXPECT_TRUE(shows("home/ada/.local/bin/claude"));
  EXPECT_TRUE(shows("home/ada/.local/share/claude/versions/2.1.0"));
  EXPECT_FALSE(shows("home/ada/.local/share/keyrings/login.keyring"));
}

TEST_F(ToolchainTest, BindsAUvToolWithThePythonOfItsEnvironment) {
  program("home/ada/.local/share/uv/python/cpython-3.12/bin/python3.12");
  file("home/ada/.local/share/uv/python/cpython-3.12/lib/python3.12/os.py");
  link("home/ada/.local/share/uv/tools/aider/bin/python",
       home_ + "/.local/share/uv/python/cpython-3.12/bin/python3.12");
  program("home/ada/.local/share/uv/tools/aider/bin/aider", "#!" + home_ + "/.local/share/uv/tools/aider/bin/python\n");
  file("home/ada/.local/share/uv/tools/aider/pyvenv.cfg",
       "home = " + home_ + "/.local/share/uv/python/cpython-3.12/bin\n");
  link("home/ada/.local/bin/aider", home_ + "/.local/share/uv/tools/aider/bin/aider");
  set("PATH", home_ + "/.local/bin:/usr/bin");
  find("aider");
  EXPECT_TRUE(shows("home/ada/.local/share/uv/tools/aider/pyvenv.cfg"));
  EXPECT_TRUE(shows("home/ada/.local/share/uv/python/cpython-3.12/lib/python3.12/os.py"));
}

TEST_F(ToolchainTest, BindsTheDataBesideAToolThatALinkLeadsTo) {
  program("home/ada/apps/tool-1.0/bin/tool");
  file("home/ada/apps/tool-1.0/share/data");
  file("home/ada/apps/tool-1.0/.env", "secret");
  link("home/ada/.local/bin/tool", "../../apps/tool-1.0/bin/tool");
  set("PATH", home_ + "/.local/bin:/usr/bin");
  find("tool");
  EXPECT_TRUE(shows("home/ada/apps/tool-1.0/share/data"));
  EXPECT_FALSE(shows("home/ada/apps/tool-1.0/.env"));
}

TEST_F(ToolchainTest, FindsThePythonThatAProjectsEnvironmentWasMadeFrom) {
  program("opt/python3.11/bin/python3.11");
  file("opt/python3.11/lib/python3.11/os.py");
  link("project/.venv/bin/python3", top_ + "/opt/python3.11/bin/python3.11");
  set("PATH", top_ + "/project/.venv/bin:/usr/bin");
  set("VIRTUAL_ENV", top_ + "/project/.venv");
  find("python3", top_ + "/project");
  EXPECT_TRUE(shows("opt/python3.11/lib/python3.11/os.py"));
  EXPECT_FALSE(shows("project/.venv")) << "the workspace brings it";
  EXPECT_EQ(found_.path[0], top_ + "/project/.venv/bin");
  EXPECT_EQ(value_of("VIRTUAL_ENV"), top_ + "/project/.venv");
}

TEST_F(ToolchainTest, BindsMiseWithItsConfigurationUnlessThatSetsVariables) {
  program("home/ada/.local/bin/mise");
  link("home/ada/.local/share/mise/shims/node", home_ + "/.local/bin/mise");
  program("home/ada/.local/share/mise/installs/node/22/bin/node");
  file("home/ada/.config/mise/config.toml", "[tools]\nnode = '22'\n");
  set("PATH", home_ + "/.local/share/mise/shims:/usr/bin");
  find("node");
  EXPECT_TRUE(shows("home/ada/.local/bin/mise"));
  EXPECT_TRUE(shows("home/ada/.local/share/mise/installs/node/22/bin/node"));
  EXPECT_TRUE(shows("home/ada/.config/mise/config.toml"));
  file("home/ada/.config/mise/config.toml", "[env]\nTOKEN = 's'\n");
  find("node");
  EXPECT_FALSE(shows("home/ada/.config/mise/config.toml"));
  EXPECT_THAT(found_.left_out, Contains(testing::Field(&LeftOut::path, home_ + "/.config/mise/config.toml")));
}

TEST_F(ToolchainTest, KeepsACacheBesidePnpmsProgramsWritable) {
  program("home/ada/.local/share/pnpm/codex", "#!/bin/sh\n");
  file("home/ada/.local/share/pnpm/global/5/node_modules/codex/cli.js");
  file("home/ada/.local/share/pnpm/store/v3/files/aa");
  set("PATH", home_ + "/.local/share/pnpm:/usr/bin");
  set("PNPM_HOME", home_ + "/.local/share/pnpm");
  find("codex");
  EXPECT_TRUE(shows("home/ada/.local/share/pnpm/codex"));
  EXPECT_TRUE(shows("home/ada/.local/share/pnpm/global/5/node_modules/codex/cli.js"));
  EXPECT_FALSE(shows("home/ada/.local/share/pnpm/store/v3/files/aa"));
}

TEST_F(ToolchainTest, MakesLinksInTheParentsOfAPathAgain) {
  program("data/tools/bin/thing");
  file("data/tools/lib/x.so");
  link("tools", "data/tools");
  set("PATH", top_ + "/tools/bin:/usr/bin");
  find("thing");
  EXPECT_THAT(links_, Contains("tools -> data/tools"));
  EXPECT_TRUE(shows("data/tools/bin/thing"));
  EXPECT_TRUE(shows("data/tools/lib/x.so"));
  EXPECT_EQ(found_.program, top_ + "/tools/bin/thing");
}

TEST_F(ToolchainTest, NeverBindsTheHomeOrAPlaceOfSecrets) {
  program("home/ada/thing");
  program("home/ada/.ssh/helper");
  program("home/ada/.config/helper2");
  set("PATH", home_ + ":" + home_ + "/.ssh:" + home_ + "/.config:/usr/bin");
  find("thing");
  EXPECT_EQ(binds_, std::vector<std::string>{"home/ada/thing"});
  EXPECT_EQ(found_.path, std::vector<std::string>{"/usr/bin"});
  EXPECT_THAT(found_.left_out, Contains(testing::Field(&LeftOut::path, home_ + "/.ssh")));
  find("helper");
  EXPECT_THAT(error_, HasSubstr("/.ssh was not bound: binding"));
}

TEST_F(ToolchainTest, DropsRelativePathEntries) {
  set("PATH", ".:bin::/usr/bin:/usr/bin");
  find("");
  EXPECT_EQ(found_.path, std::vector<std::string>{"/usr/bin"});
}

TEST_F(ToolchainTest, KeepsAPathDirectoryThatTheAgentMayFillItself) {
  set("PATH", home_ + "/.local/bin:" + top_ + "/gone:/usr/bin");
  find("");
  EXPECT_EQ(found_.path, (std::vector<std::string>{home_ + "/.local/bin", "/usr/bin"}));
}

TEST_F(ToolchainTest, SurvivesLinksThatGoInCircles) {
  link("home/ada/bin/a", "b");
  link("home/ada/bin/b", "a");
  program("home/ada/bin/s", "#!" + home_ + "/bin/s\n");
  set("PATH", home_ + "/bin:/usr/bin");
  find("a");
  EXPECT_EQ(found_.program, "");
  find("s");
  EXPECT_TRUE(shows("home/ada/bin/s"));
}

TEST_F(ToolchainTest, SaysWhichDirectoryWasNotBoundAndHowToBindIt) {
  program("home/ada/.docker/cli/tool");
  find(home_ + "/.docker/cli/tool");
  EXPECT_THAT(error_, HasSubstr(home_ + "/.docker/cli was not bound"));
  EXPECT_THAT(error_, HasSubstr("start the sandbox with --read " + home_ + "/.docker/cli, or"));
  EXPECT_THAT(error_, HasSubstr("put read = [\"" + home_ + "/.docker/cli\"] under [filesystem] in your policy"));
}

TEST_F(ToolchainTest, TellsNotFoundFromNotExecutable) {
  file("project/script.sh", "#!/bin/sh\n");
  EXPECT_EQ(find_command(host_, "no-such-command").error().code(), base::ErrorCode::not_found);
  EXPECT_EQ(find_command(host_, "./script.sh").error().code(), base::ErrorCode::denied);
  EXPECT_THAT(find_command(host_, "./script.sh").error().hint(), HasSubstr("chmod +x"));
  program("project/script.sh", "#!/bin/sh\n");
  EXPECT_EQ(*find_command(host_, "./script.sh"), top_ + "/project/script.sh");
}

TEST(Interpreter, ReadsTheLineAsTheKernelAndEnvDo) {
  EXPECT_EQ(parse_interpreter("#!/bin/sh\necho").program, "/bin/sh");
  EXPECT_EQ(parse_interpreter("#! /usr/bin/env node\n").command, "node");
  EXPECT_EQ(parse_interpreter("#!/usr/bin/env -S A=1 node --flag\n").command, "node");
  EXPECT_EQ(parse_interpreter("#!/usr/bin/env -Snode --x\n").command, "node");
  EXPECT_EQ(parse_interpreter("#!/usr/bin/env -u HOME -i python3\r\n").command, "python3");
  EXPECT_EQ(parse_interpreter("\x7f"
                              "ELF")
                .program,
            "");
  EXPECT_EQ(parse_interpreter("#!\n").program, "");
  EXPECT_EQ(parse_interpreter("#!/usr/bin/env").command, "");
}

TEST(SecretPaths, CoverWhatHoldsOneAndWhatLiesInOne) {
  EXPECT_EQ(secret_within("/h/.cargo", "/h"), "/h/.cargo/credentials");
  EXPECT_EQ(secret_within("/h/.cargo/bin", "/h"), "");
  EXPECT_EQ(secret_within("/h", "/h"), "/h");
  EXPECT_EQ(secret_within("/", "/h"), "/h");
  EXPECT_EQ(secret_within("/h/.ssh/keys/x", "/h"), "/h/.ssh");
  EXPECT_EQ(secret_within("/h/.local/share", "/h"), "/h/.local/share");
  EXPECT_EQ(secret_within("/h/.sshx", "/h"), "");
  EXPECT_EQ(secret_within("/usr/bin", "/h"), "");
}

TEST(SecretPaths, KnowCredentialFilesByTheirNames) {
  for (const char* name : {"auth.json", ".credentials.json", "oauth_creds.json", "secrets.yaml", "id_ed25519",
                           "server.pem", ".env", "prod.env"})
    EXPECT_TRUE(is_credential_file(name)) << name;
  for (const char* name : {"settings.json", "config.toml", "CLAUDE.md", "keybindings.json", "models.json"})
    EXPECT_FALSE(is_credential_file(name)) << name;
}

}  // namespace
}  // namespace hv::images
