#include "policy/policy.h"

#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "policy/catalog.h"
#include "policy/extend.h"
#include "policy/lint.h"
#include "policy/rules.h"

namespace hv::policy {
namespace {

// A policy's text, others that it extends after `---- file NAME`, and what is expected of it.
struct Case {
  std::string text;
  std::map<std::string, std::string, std::less<>> files;
  std::string kind;
  std::string expected;
};

Case read_case(const std::filesystem::path& file) {
  std::string all = *base::read_file(file.string());
  Case result;
  std::string* part = &result.text;
  for (size_t at = 0; at < all.size();) {
    size_t end = std::min(all.find('\n', at) + 1, all.size());
    std::string line = all.substr(at, end - at);
    at = end;
    if (line.starts_with("---- file ")) {
      part = &result.files[line.substr(10, line.size() - 11)];
    } else if (line.starts_with("---- expect ")) {
      result.kind = line.substr(12, line.size() - 13);
      part = &result.expected;
    } else {
      *part += line;
    }
  }
  return result;
}

std::string answer(const Case& test) {
  base::Result<Policy> policy = resolve({"", "p.toml", test.text}, [&](std::string_view name) -> base::Result<Source> {
    auto found = test.files.find(name);
    if (found == test.files.end()) return base::Failure(base::not_found("no such policy"));
    return Source{found->first, found->first + ".toml", found->second};
  });
  if (!policy) return test.kind == "error" ? policy.error().message() + "\n" : "error: " + policy.error().message();
  if (test.kind == "policy") return describe(*policy);
  if (test.kind == "rules") return list_rules(*policy);
  if (test.kind == "warnings") {
    std::string warnings;
    for (const Warning& warning : find_warnings(*policy)) warnings += warning.text() + "\n";
    return warnings;
  }
  return "a policy: " + describe(*policy);
}

TEST(PolicyCases, EveryCaseHolds) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/policy/testdata")) {
    if (entry.path().extension() != ".case") continue;
    SCOPED_TRACE(entry.path().filename().string());
    Case test = read_case(entry.path());
    ASSERT_FALSE(test.kind.empty()) << "no '---- expect' line";
    EXPECT_EQ(answer(test), test.expected);
    ++count;
  }
  EXPECT_GE(count, 10);
}

// What is written down of a policy means the same when it is read again.
TEST(PolicyCases, ComeBackAsTheyWereWritten) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HYDRAVISOR_SOURCE_DIR "/src/policy/testdata")) {
    if (entry.path().extension() != ".case") continue;
    Case test = read_case(entry.path());
    if (test.kind != "policy" || !test.files.empty()) continue;
    SCOPED_TRACE(entry.path().filename().string());
    Policy policy = *parse(test.text, "p.toml");
    std::string text = to_toml(policy);
    base::Result<Policy> again = parse(text, "again.toml");
    ASSERT_TRUE(again) << again.error().message() << "\n" << text;
    for (Policy* each : {&policy, &*again}) {
      each->origins.clear();
      for (core::EgressRule& rule : each->egress.rules) rule.origin.clear();
    }
    EXPECT_EQ(describe(policy), describe(*again)) << text;
    EXPECT_TRUE(policy == *again) << text;
    ++count;
  }
  EXPECT_GE(count, 5);
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
  ASSERT_EQ(all.size(), 7u);
  EXPECT_EQ(all[1].name, "broken");
  EXPECT_NE(all[1].description.find("broken.toml:1:"), std::string::npos) << all[1].description;
  EXPECT_EQ(all[3].name, "mine");
  EXPECT_EQ(all[3].description, "my own");
}

}  // namespace
}  // namespace hv::policy
