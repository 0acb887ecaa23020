#include "config/host_groups.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/format.h"
#include "config/server_address.h"
#include "core/egress_text.h"

namespace hv::config {
namespace {

class HostGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-groups-XXXXXX";
    directory_ = mkdtemp(name);
    sources_.home = directory_ + "/home";
    sources_.root = directory_;
    sources_.repository = directory_ + "/project/.git";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& path, std::string_view text) {
    std::filesystem::path file = directory_ + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  // "HOST:PORT ORIGIN" lines, the directory left out.
  std::string resolve(std::string_view group) {
    base::Result<std::vector<core::EgressRule>> rules = groups_.resolve(group, sources_);
    std::string text;
    if (!rules) text = rules.error().text();
    for (const core::EgressRule& rule : rules ? *rules : std::vector<core::EgressRule>{})
      text += base::format("{} {}\n", core::to_text(rule), rule.origin);
    for (size_t at = 0; (at = text.find(directory_)) != std::string::npos;) text.erase(at, directory_.size());
    return text;
  }
  // A program to be found in PATH, which is one directory.
  void install(const std::string& path, std::string_view text = "") {
    write(path, text);
    std::filesystem::permissions(directory_ + "/" + path, std::filesystem::perms::owner_all);
  }
  void link(const std::string& path, const std::string& target) {
    std::filesystem::create_directories(std::filesystem::path(directory_ + "/" + path).parent_path());
    std::filesystem::remove(directory_ + "/" + path);
    std::filesystem::create_symlink(target, directory_ + "/" + path);
  }
  void search(const std::string& path) { sources_.environment = {{"PATH", path}}; }

  std::string directory_;
  GroupSources sources_;
  HostGroups groups_;
};

TEST_F(HostGroupsTest, GitIsTheRemotesOfTheRepository) {
  EXPECT_EQ(resolve("git"), "");
  write(
      "project/.git/config",
      "[core]\n\turl = https://not-a-remote.example\n"
      "[remote \"origin\"]\n\turl = git@one.example:team/a.git ; comment\n\tfetch = "
      "+refs/heads/*:refs/remotes/origin/*\n"
      "[remote \"up]stream\"]\n\tURL = \"https://two.example:8443/a.git\"\n\tpushurl = ssh://git@three.example/a.git\n"
      "[remote \"local\"] url = ../other\n"
      "[submodule \"lib\"]\n\turl = https://four.example/lib.git\n"
      "[remote \"again\"]\n\turl = ssh://one.example/b.git\n");
  EXPECT_EQ(resolve("git"),
            "one.example:22 /project/.git/config:4\n"
            "two.example:8443 /project/.git/config:7\n"
            "three.example:22 /project/.git/config:8\n"
            "four.example:443 /project/.git/config:11\n");
}

TEST_F(HostGroupsTest, GitFollowsTheUsersRewrites) {
  write("home/.gitconfig",
        "[url \"https://mirror.example/\"]\n\tinsteadOf = short:\n\tinsteadOf = https://one.example/team/\n"
        "[url \"https://less.example/\"]\n\tinsteadOf = https://one.example/\n"
        "[url \"git@push.example:\"]\n\tpushInsteadOf = https://two.example/\n");
  write("project/.git/config",
        "[remote \"a\"]\nurl = short:x\n[remote \"b\"]\nurl = https://one.example/team/x\n[remote \"c\"]\nurl = "
        "https://two.example/x\n");
  EXPECT_EQ(resolve("git"),
            "mirror.example:443 /project/.git/config:2\n"
            "two.example:443 /project/.git/config:6\n"
            "push.example:22 /project/.git/config:6\n");
}

TEST_F(HostGroupsTest, NpmIsTheUsersRegistryAndThoseOfScopes) {
  EXPECT_EQ(resolve("npm"),
            "no registry is configured, and the default of the installed npm was not found; looked at ~/.npmrc, "
            "/etc/npmrc (name the host with --allow HOST in place of @npm, or write registry=URL into ~/.npmrc)");
  write("etc/npmrc", "registry=https://site.example/\n");
  EXPECT_EQ(resolve("npm"), "site.example:443 /etc/npmrc:1\n");
  write("home/.npmrc",
        "; mine\n//npm.example/:_authToken=secret\nregistry = "
        "https://npm.example:4873/a/\n@team:registry=https://team.example\n");
  EXPECT_EQ(resolve("npm"), "npm.example:4873 ~/.npmrc:3\nteam.example:443 ~/.npmrc:4\n");
  sources_.environment = {{"NPM_CONFIG_REGISTRY", "http://env.example/"}};
  EXPECT_EQ(resolve("npm"), "env.example:80 NPM_CONFIG_REGISTRY\nteam.example:443 ~/.npmrc:4\n");
}

TEST_F(HostGroupsTest, PipIsTheIndexAndWhatIsAddedToIt) {
  EXPECT_EQ(resolve("pip"),
            "no index is configured, and the default of the installed pip was not found; looked at "
            "~/.config/pip/pip.conf, ~/.pip/pip.conf, /etc/pip.conf (name the host with --allow HOST in place of @pip, "
            "or write index-url=URL under [global] into ~/.config/pip/pip.conf)");
  write("home/.config/pip/pip.conf",
        "[global]\nextra-index-url = https://one.example/simple\n    https://two.example/simple\n[list]\nindex-url = "
        "https://no.example\n");
  EXPECT_EQ(groups_.resolve("pip", sources_).error().code(), base::ErrorCode::not_found);
  write("etc/pip.conf", "[global]\nindex-url: https://user:pw@site.example/simple\n");
  EXPECT_EQ(resolve("pip"),
            "one.example:443 ~/.config/pip/pip.conf:2\ntwo.example:443 ~/.config/pip/pip.conf:3\n"
            "site.example:443 /etc/pip.conf:2\n");
  sources_.environment = {{"XDG_CONFIG_HOME", directory_ + "/other"},
                          {"PIP_EXTRA_INDEX_URL", "https://three.example https://four.example"}};
  EXPECT_EQ(resolve("pip"),
            "three.example:443 PIP_EXTRA_INDEX_URL\nfour.example:443 PIP_EXTRA_INDEX_URL\nsite.example:443 "
            "/etc/pip.conf:2\n");
}

TEST_F(HostGroupsTest, AptIsEverySourceThatIsEnabled) {
  EXPECT_EQ(resolve("apt"), "");
  write("etc/apt/sources.list",
        "# deb http://comment.example x main\ndeb [arch=amd64 signed-by=/k] http://one.example/debian stable main\n"
        "deb-src\thttps://two.example/debian stable main\ndeb cdrom:[Debian]/ stable main\n");
  write("etc/apt/sources.list.d/b.sources",
        "Types: deb\nURIs: https://three.example/debian\n https://four.example:8443/x\nSuites: stable\n\n"
        "Types: deb\nEnabled: no\nURIs: https://off.example/\n");
  write("etc/apt/sources.list.d/a.list", "deb mirror+http://five.example/list stable main\n");
  write("etc/apt/sources.list.d/c.list.save", "deb http://saved.example/ stable main\n");
  EXPECT_EQ(
      resolve("apt"),
      "one.example:80 /etc/apt/sources.list:2\ntwo.example:443 /etc/apt/sources.list:3\n"
      "five.example:80 /etc/apt/sources.list.d/a.list:1\n"
      "three.example:443 /etc/apt/sources.list.d/b.sources:2\nfour.example:8443 /etc/apt/sources.list.d/b.sources:3\n");
}

TEST_F(HostGroupsTest, CargoFollowsReplacements) {
  EXPECT_EQ(resolve("cargo"),
            "no source in the place of crates-io is configured, and the default of the installed cargo was not found; "
            "looked at ~/.cargo/config.toml, ~/.cargo/config (name the host with --allow HOST in place of @cargo, or "
            "write replace-with=NAME under [source.crates-io] into ~/.cargo/config.toml)");
  write("home/.cargo/config.toml", "[registries.team]\nindex = \"sparse+https://team.example/index/\"\n");
  EXPECT_EQ(groups_.resolve("cargo", sources_).error().code(), base::ErrorCode::not_found);
  write("home/.cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\nreplace-with = \"mirror\"\n"
        "[source.mirror]\nregistry = \"sparse+https://mirror.example/\"\n");
  EXPECT_EQ(resolve("cargo"), "mirror.example:443 ~/.cargo/config.toml\n");
  write("home/.cargo/config.toml", "[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"vendor\"\n");
  EXPECT_EQ(resolve("cargo"), "");
  write("home/.cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"team\"\n[registries.team]\nindex = \"https://team.example/\"\n");
  EXPECT_EQ(resolve("cargo"), "team.example:443 ~/.cargo/config.toml\n");
}

TEST_F(HostGroupsTest, NeverTakesTheDefaultFromAFileItCannotRead) {
  write("home/.cargo/config.toml", "[source.crates-io\n");
  EXPECT_FALSE(groups_.resolve("cargo", sources_));
  write("home/.cargo/config.toml", "[source.crates-io]\nreplace-with = 5\n");
  EXPECT_FALSE(groups_.resolve("cargo", sources_));
  write("home/.npmrc", std::string(size_t{2} << 20, ';'));
  EXPECT_FALSE(groups_.resolve("npm", sources_));
}

TEST_F(HostGroupsTest, GoIsItsProxiesAndTheirCheck) {
  EXPECT_EQ(resolve("go"),
            "no module proxy is configured, and the default of the installed go was not found; looked at "
            "~/.config/go/env (name the host with --allow HOST in place of @go, or write GOPROXY=URL into "
            "~/.config/go/env)");
  write("home/.config/go/env", "GOPROXY=https://one.example|https://two.example/x,direct\nGOSUMDB=off\n");
  EXPECT_EQ(resolve("go"), "one.example:443 ~/.config/go/env:1\ntwo.example:443 ~/.config/go/env:1\n");
  write("home/.config/go/env", "GOPROXY=direct\nGOSUMDB=sum.example+033de0ae+key\n");
  EXPECT_EQ(resolve("go"), "sum.example:443 ~/.config/go/env:2\n");
  sources_.environment = {{"GOPROXY", "off"}, {"GOSUMDB", "sum.example+033de0ae+key https://copy.example/sum"}};
  EXPECT_EQ(resolve("go"), "copy.example:443 GOSUMDB\n");
  sources_.environment = {{"GOENV", "off"}, {"GOPROXY", "direct"}};
  EXPECT_EQ(resolve("go"),
            "no checksum database is configured, and the default of the installed go was not found (name "
            "the host with --allow HOST in place of @go, or write GOSUMDB=NAME into the environment)");
}

TEST_F(HostGroupsTest, NpmsDefaultIsReadFromTheInstalledNpm) {
  search(directory_ + "/none:relative:" + directory_ + "/usr/bin");
  link("usr/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js");
  install("usr/lib/node_modules/npm/bin/npm-cli.js");
  const std::string npm = "usr/lib/node_modules/npm";
  EXPECT_EQ(groups_.resolve("npm", sources_).error().code(), base::ErrorCode::not_found);
  write(npm + "/lib/config/defaults.js",
        "  defaults = {\n    'registry-x': 'https://no.example',\n    registry: 'https://five.example.org/',\n");
  EXPECT_EQ(resolve("npm"), "five.example.org:443 npm's default, /" + npm + "/lib/config/defaults.js:3\n");
  write(npm + "/lib/utils/config/definitions.js",
        "define('registry', {\n  default: 'http://registry.example.org:4873/',\n  type: url,\n");
  EXPECT_EQ(resolve("npm"),
            "registry.example.org:4873 npm's default, /" + npm + "/lib/utils/config/definitions.js:2\n");
  write(npm + "/node_modules/@npmcli/config/lib/definitions/definitions.js",
        "  x: new Definition('x', { default: 'https://no.example/', description: `the \"registry\" of npm` }),\n"
        "  registry: new Definition('registry', {\n    default: 'https://registry.example.org/',\n");
  EXPECT_EQ(resolve("npm"), "registry.example.org:443 npm's default, /" + npm +
                                "/node_modules/@npmcli/config/lib/definitions/definitions.js:3\n");
  // Who installed it for all users has the say before its own default.
  write("usr/etc/npmrc", "registry=https://site.example.org/\n");
  EXPECT_EQ(resolve("npm"), "site.example.org:443 /usr/etc/npmrc:1\n");
}

TEST_F(HostGroupsTest, ADefaultThatIsNoAddressOfTheWebIsNotBelieved) {
  search(directory_ + "/npm/bin");
  link("npm/bin/npm", "npm-cli.js");
  install("npm/bin/npm-cli.js");
  for (const char* value : {"'ssh://registry.example.org/'", "'file:///srv'", "'https://bad host/'",
                            "'https://a.example\\x2f'", "base", "''", "'"}) {
    write("npm/lib/config/defaults.js", base::format("registry: {}\n", value));
    EXPECT_FALSE(groups_.resolve("npm", sources_)) << value;
  }
  write("npm/lib/config/defaults.js", "registry: 'https://registry.example.org'" + std::string(size_t{1} << 20, ' '));
  EXPECT_FALSE(groups_.resolve("npm", sources_));
}

TEST_F(HostGroupsTest, PipsDefaultIsReadFromTheInstalledPip) {
  search(directory_ + "/usr/bin");
  link("usr/bin/python3", "python3.11");
  install("usr/bin/python3.11");
  const std::string index = "usr/lib/python3/dist-packages/pip/_internal/models/index.py";
  write(index,
        "class PackageIndex:\n    pass\n\nTestPyPI = PackageIndex('https://no.example', 'no.example')\nPyPI = "
        "PackageIndex(\n    \"https://index.example.org/\", file_storage_domain=\"files.example.org\"\n)\n");
  std::string origin = " pip's default, /" + index + ":6\n";
  EXPECT_EQ(resolve("pip"), "index.example.org:443" + origin + "files.example.org:443" + origin);
  // Another index needs no server of this one, and this one needs its files also when it is written out.
  write("etc/pip.conf", "[global]\nindex-url = https://other.example.org/simple\n");
  EXPECT_EQ(resolve("pip"), "other.example.org:443 /etc/pip.conf:2\n");
  write("etc/pip.conf", "[global]\nindex-url = https://index.example.org/simple\n");
  EXPECT_EQ(resolve("pip"), "index.example.org:443 /etc/pip.conf:2\nfiles.example.org:443" + origin);
}

TEST_F(HostGroupsTest, GosDefaultIsReadFromItsRoot) {
  search(directory_ + "/usr/bin");
  link("usr/bin/go", "../lib/go-1.21/bin/go");
  install("usr/lib/go-1.21/bin/go");
  write("usr/lib/go-1.21/go.env",
        "# defaults\nGOPROXY=https://proxy.example.org,git://no.example,direct\nGOSUMDB=sum.example.org\n");
  EXPECT_EQ(resolve("go"),
            "proxy.example.org:443 go's default, /usr/lib/go-1.21/go.env:2\n"
            "sum.example.org:443 go's default, /usr/lib/go-1.21/go.env:3\n");
  write("home/.config/go/env", "GOPROXY=https://own.example.org\n");
  EXPECT_EQ(resolve("go"),
            "own.example.org:443 ~/.config/go/env:1\nsum.example.org:443 go's default, /usr/lib/go-1.21/go.env:3\n");
}

TEST_F(HostGroupsTest, NoToolInTheWorkspaceTellsItsDefault) {
  sources_.workspace = directory_ + "/project";
  search(directory_ + "/project/.tools/bin");
  install("project/.tools/bin/go");
  write("project/.tools/go.env", "GOPROXY=https://evil.example\nGOSUMDB=off\n");
  EXPECT_FALSE(groups_.resolve("go", sources_));
  sources_.environment.push_back({"GOROOT", directory_ + "/project/.tools"});
  EXPECT_FALSE(groups_.resolve("go", sources_));
  sources_.workspace.clear();
  EXPECT_EQ(resolve("go"), "evil.example:443 go's default, /project/.tools/go.env:1\n");
}

TEST_F(HostGroupsTest, AgreesWithTheToolsOfThisMachine) {
  constexpr std::pair<const char*, const char*> kQuestions[] = {
      {"npm", "npm config get registry"},
      {"pip", "python3 -c 'from pip._internal.models.index import PyPI; print(PyPI.url)'"}};
  const std::string path = getenv("PATH");
  search(path);
  int asked = 0;
  for (auto [group, question] : kQuestions) {
    std::string command =
        base::format("cd / && env -i PATH='{}' HOME={} {} 2>/dev/null", path, sources_.home, question);
    FILE* output = popen(command.c_str(), "r");
    ASSERT_NE(output, nullptr);
    std::string said;
    for (int c; (c = fgetc(output)) != EOF && c != '\n';) said += static_cast<char>(c);
    pclose(output);
    std::optional<Server> server = server_of_url(said);
    if (!server) continue;
    ++asked;
    EXPECT_EQ(resolve(group).substr(0, resolve(group).find(' ')), base::format("{}:{}", server->host, server->port));
  }
  if (asked == 0) GTEST_SKIP() << "neither npm nor pip";
}

TEST_F(HostGroupsTest, SeesAFileThatChanged) {
  write("home/.npmrc", "registry=https://one.example\n");
  EXPECT_EQ(resolve("npm"), "one.example:443 ~/.npmrc:1\n");
  write("home/.npmrc", "registry=https://three.example\n");
  EXPECT_EQ(resolve("npm"), "three.example:443 ~/.npmrc:1\n");
  std::filesystem::remove(directory_ + "/home/.npmrc");
  EXPECT_FALSE(groups_.resolve("npm", sources_));
}

TEST_F(HostGroupsTest, KnowsEveryGroupOfTheVocabularyAndNoOther) {
  for (std::string_view group : core::kHostGroups)
    EXPECT_EQ(resolve(group).find("no group"), std::string::npos) << group;
  EXPECT_NE(resolve("brew").find("no group"), std::string::npos);
}

}  // namespace
}  // namespace hv::config
