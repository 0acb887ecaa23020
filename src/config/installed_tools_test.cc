#include "config/installed_tools.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/text.h"

namespace hv::config {
namespace {

namespace fs = std::filesystem;

class InstalledToolsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-tools-XXXXXX";
    directory_ = mkdtemp(name);
    tools_.home = directory_ + "/home";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void program(const std::string& path, std::string_view text = "") {
    fs::path file = directory_ + "/" + path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    fs::permissions(file, fs::perms::owner_all);
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_directories(fs::path(directory_ + "/" + path).parent_path());
    fs::create_symlink(target, directory_ + "/" + path);
  }
  void directory(const std::string& path) { fs::create_directories(directory_ + "/" + path); }
  void search(const std::vector<std::string>& directories) {
    std::vector<std::string> all;
    for (const std::string& one : directories) all.push_back(directory_ + "/" + one);
    tools_.path = base::join(all, ":");
  }
  std::string shown(std::string text) {
    for (size_t at = 0; (at = text.find(directory_)) != std::string::npos;) text.erase(at, directory_.size());
    return text;
  }
  std::string packages() { return shown(base::join(tools_.python_packages(), " ")); }

  std::string directory_;
  InstalledTools tools_;
};

TEST_F(InstalledToolsTest, FindsTheFirstProgramOfPath) {
  EXPECT_EQ(tools_.go_directory(), "");
  program("b/go/bin/go");
  program("c/go/bin/go");
  directory("a/go");
  search({"a", "b/go/bin", "c/go/bin"});
  EXPECT_EQ(shown(tools_.go_directory()), "/b/go");
  fs::permissions(directory_ + "/b/go/bin/go", fs::perms::owner_read);
  EXPECT_EQ(shown(tools_.go_directory()), "/c/go");
  tools_.path = "bin::.";
  EXPECT_EQ(tools_.go_directory(), "");
}

TEST_F(InstalledToolsTest, FollowsLinksToNpm) {
  program("lib/node_modules/npm/bin/npm-cli.js");
  link("bin/npm", "../lib/node_modules/npm/bin/npm-cli.js");
  search({"bin"});
  EXPECT_EQ(shown(tools_.npm_directory()), "/lib/node_modules/npm");
}

TEST_F(InstalledToolsTest, SeesThroughShimsThatNameTheirVersion) {
  program("env/shims/go");
  program("env/versions/1.21/bin/go");
  program("usr/bin/go");
  search({"env/shims", "usr/bin"});
  program("env/version", "1.21\n");
  EXPECT_EQ(shown(tools_.go_directory()), "/env/versions/1.21");
  program("env/version", "system\n");
  EXPECT_EQ(shown(tools_.go_directory()), "/usr");
  // Not another installation than the one that the user would start.
  program("env/version", "../../usr\n");
  EXPECT_EQ(shown(tools_.go_directory()), "/env");
}

TEST_F(InstalledToolsTest, KnowsWherePythonHasItsPackages) {
  program("usr/bin/python3.11");
  link("usr/bin/python3", "python3.11");
  directory("usr/lib/python3/dist-packages");
  directory("usr/lib/python3.12/site-packages");
  directory("usr/local/lib/python3.11/dist-packages");
  directory("home/.local/lib/python3.11/site-packages");
  search({"usr/bin"});
  EXPECT_EQ(packages(),
            "/home/.local/lib/python3.11/site-packages /usr/local/lib/python3.11/dist-packages "
            "/usr/lib/python3/dist-packages");
  link("venv/bin/python3", directory_ + "/usr/bin/python3");
  program("venv/pyvenv.cfg");
  directory("venv/lib/python3.11/site-packages");
  search({"venv/bin", "usr/bin"});
  EXPECT_EQ(packages(), "/venv/lib/python3.11/site-packages");
}

TEST_F(InstalledToolsTest, AsksTheInterpreterOfPipToo) {
  program("opt/bin/python3.9");
  directory("opt/lib/python3.9/site-packages");
  program("bin/pip", "#!" + directory_ + "/opt/bin/python3.9\nimport sys\n");
  search({"bin"});
  EXPECT_EQ(packages(), "/opt/lib/python3.9/site-packages");
}

TEST_F(InstalledToolsTest, PassesByWhatLiesInTheWorkspace) {
  program("project/bin/go");
  program("usr/bin/go");
  link("link", "project/bin");
  link("bin/go", "../project/bin/go");
  search({"project/bin", "link", "bin", "usr/bin"});
  EXPECT_EQ(shown(tools_.go_directory()), "/project");
  tools_.workspace = directory_ + "/project";
  EXPECT_EQ(shown(tools_.go_directory()), "/usr");
  tools_.workspace = directory_ + "/pro";
  EXPECT_EQ(shown(tools_.go_directory()), "/project");
}

}  // namespace
}  // namespace hv::config
