#include "policy/policy.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "policy/catalog.h"

namespace hv::policy {
namespace {

struct Case {
  std::string text;
  std::string expected;
  bool is_error = false;
};

Case read_case(const std::filesystem::path& file) {
  std::string all = *base::read_file(file.string());
  Case result;
  for (bool is_error : {false, true}) {
    std::string line = is_error ? "---- expect error\n" : "---- expect policy\n";
    size_t at = all.find(line);
    if (at == std::string::npos) continue;
    result = {all.substr(0, at), all.substr(at + line.size()), is_error};
  }
  return result;
}

TEST(PolicyCases, EveryCaseHolds) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/policy/testdata")) {
    if (entry.path().extension() != ".case") continue;
    SCOPED_TRACE(entry.path().filename().string());
    Case test = read_case(entry.path());
    ASSERT_FALSE(test.expected.empty()) << "no '---- expect' line";
    base::Result<Policy> policy = parse(test.text, "p.toml");
    EXPECT_EQ(policy.has_value(), !test.is_error);
    EXPECT_EQ(policy ? describe(*policy) : policy.error().message() + "\n", test.expected);
    ++count;
  }
  EXPECT_GE(count, 10);
}

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-policy-XXXXXX";
    directory_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(base::replace_file(directory_ + "/" + name, text));
  }
  std::string directory_;
};

TEST_F(CatalogTest, ShipsPoliciesThatParseAndLeaveAgentsEnoughMemory) {
  Catalog catalog("/nonexistent");
  for (const std::string& name : shipped_policies().names()) {
    base::Result<Policy> policy = catalog.load(name);
    ASSERT_TRUE(policy) << policy.error().text();
    EXPECT_GE(policy->limits.memory_bytes, uint64_t{1} << 30) << name;
    EXPECT_FALSE(policy->description.empty()) << name;
  }
  EXPECT_FALSE(catalog.load(kDefaultPolicy)->nested_sandboxes);
  EXPECT_EQ(catalog.load(kDefaultPolicy)->workspace, core::WorkspaceMode::cow);
  EXPECT_EQ(catalog.load("locked")->workspace, core::WorkspaceMode::ro);
}

TEST_F(CatalogTest, PrefersTheUsersFile) {
  write("restricted.toml", "version = 1\n[limits]\npids = 9\n");
  Catalog catalog(directory_);
  EXPECT_EQ(catalog.load("restricted")->limits.pids, 9u);
  EXPECT_EQ(catalog.info("restricted")->provenance, core::Provenance::user);
  EXPECT_EQ(catalog.info("standard")->provenance, core::Provenance::shipped);
}

TEST_F(CatalogTest, NeverFallsBackFromABrokenFile) {
  write("restricted.toml", "version = 1\nlimts = 1\n");
  base::Result<Policy> policy = Catalog(directory_).load("restricted");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code(), base::ErrorCode::invalid_argument);
  EXPECT_NE(policy.error().message().find("restricted.toml:2:1: limts: unknown key (did you mean 'limits'?)"),
            std::string::npos)
      << policy.error().message();
}

TEST_F(CatalogTest, RefusesAFileThatCallsItselfSomethingElse) {
  write("mine.toml", "version = 1\nname = \"restricted\"\n");
  EXPECT_FALSE(Catalog(directory_).load("mine"));
}

TEST_F(CatalogTest, NamesTheNearestPolicy) {
  base::Result<Policy> policy = Catalog(directory_).load("restrcted");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code(), base::ErrorCode::not_found);
  EXPECT_EQ(policy.error().hint(), "did you mean 'restricted'?");
}

TEST_F(CatalogTest, NeverLeavesItsDirectory) {
  write("x.toml", "version = 1\n");
  std::filesystem::create_directory(directory_ + "/sub");
  Catalog catalog(directory_ + "/sub");
  EXPECT_FALSE(catalog.load("../x"));
  EXPECT_FALSE(catalog.load("/etc/passwd"));
}

TEST_F(CatalogTest, ListsABrokenFileWithItsError) {
  write("broken.toml", "version = ");
  write("mine.toml", "version = 1\ndescription = \"my own\"\n");
  std::vector<core::PolicyInfo> all = *Catalog(directory_).list();
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].name, "broken");
  EXPECT_NE(all[0].description.find("broken.toml:1:"), std::string::npos) << all[0].description;
  EXPECT_EQ(all[2].name, "mine");
  EXPECT_EQ(all[2].description, "my own");
}

}  // namespace
}  // namespace hv::policy
