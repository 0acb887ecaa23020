#include "config/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace hv::config {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-config-XXXXXX";
    directory_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, std::string_view text) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path) << "version = 1\n" << text;
    return path;
  }
  static const Value& find(const Effective& all, std::string_view key) {
    for (const Value& value : all)
      if (value.setting->key() == key) return value;
    std::abort();
  }
  std::string error_of(std::string_view text) {
    auto values = parse(text, "config.toml", Origin::user);
    return values ? "" : values.error().message();
  }

  std::string directory_;
};

TEST_F(ConfigTest, IsTheDefaultsWithoutFiles) {
  EXPECT_EQ(*load({"/nonexistent/system.toml", "/nonexistent/config.toml", {}}), Config{});
}

TEST_F(ConfigTest, ReadsEveryKey) {
  std::string user = write("user.toml", "[run]\npolicy = 'standard'\nworkspace = 'ro'\nkeep = true\n");
  EXPECT_EQ(*load({"", user, {}}), (Config{"standard", core::WorkspaceMode::ro, true}));
}

TEST_F(ConfigTest, LetsTheUserGoBeforeTheSystemTheEnvironmentBeforeBothAndOptionsBeforeAll) {
  std::string system = write("system.toml", "[run]\npolicy = 'a'\nworkspace = 'ro'\nkeep = true\n");
  std::string user = write("user.toml", "[run]\npolicy = 'b'\n");
  Effective all = *resolve({system, user, {{"HYDRAVISOR_RUN_WORKSPACE", "none"}}});
  EXPECT_EQ(find(all, "run.policy").text, "b");
  EXPECT_EQ(find(all, "run.policy").origin, Origin::user);
  EXPECT_EQ(find(all, "run.policy").place, user + ":3:10");
  EXPECT_EQ(find(all, "run.workspace").text, "none");
  EXPECT_EQ(find(all, "run.workspace").place, "HYDRAVISOR_RUN_WORKSPACE");
  EXPECT_EQ(find(all, "run.keep").origin, Origin::system);
  all = *resolve({system, user, {{"HYDRAVISOR_RUN_POLICY", "c"}}}, {{"policy", "d"}});
  EXPECT_EQ(find(all, "run.policy").text, "d");
  EXPECT_EQ(find(all, "run.policy").origin, Origin::flag);
}

TEST_F(ConfigTest, OfRootIsTheSystems) {
  std::string file = write("config.toml", "[run]\nkeep = true\n");
  EXPECT_EQ(find(*resolve({file, file, {}}), "run.keep").origin, Origin::system);
}

TEST_F(ConfigTest, NamesAnUnknownKeyWithPlaceAndNearest) {
  EXPECT_EQ(error_of("version = 1\n[run]\npolcy = 'standard'\npolicy = 5\n"),
            "config.toml:3:1: run.polcy: unknown key (did you mean 'policy'?)\n"
            "config.toml:4:10: run.policy: expected a string, found the integer 5");
  EXPECT_EQ(error_of("version = 1\n[rum]\n"), "config.toml:2:2: rum: unknown key (did you mean 'run'?)");
}

TEST_F(ConfigTest, SaysWhatWasExpected) {
  EXPECT_EQ(error_of("version = 1\n[run]\nworkspace = 'rw'\nkeep = 'yes'\npolicy = ''\n"),
            "config.toml:3:13: run.workspace: expected one of cow, live, ro, none; found \"rw\" (did you mean 'ro'?)\n"
            "config.toml:4:8: run.keep: expected true or false, found the string \"yes\"\n"
            "config.toml:5:10: run.policy: expected one line of text, not empty");
}

TEST_F(ConfigTest, SaysWhatTheLedgerKeeps) {
  std::string file = write("config.toml", "[audit]\nkeep_payloads = '90d'\nkeep = '730d'\nkeep_bytes = '10GiB'\n");
  Config config = *load({"", file, {}});
  EXPECT_EQ(config.keep_payloads, std::chrono::hours(90 * 24));
  EXPECT_EQ(config.keep_records, std::chrono::hours(730 * 24));
  EXPECT_EQ(config.keep_bytes, uint64_t{10} << 30);
  EXPECT_FALSE(load({"", write("none.toml", ""), {}})->keep_records) << "nothing goes unless somebody says so";
  EXPECT_EQ(error_of("version = 1\n[audit]\nkeep = '0s'\nkeep_payloads = 90\nkeep_bytes = '10 chairs'\n"),
            "config.toml:3:8: audit.keep: expected a duration of at least an hour, such as \"90d\"\n"
            "config.toml:4:17: audit.keep_payloads: expected a string, found the integer 90\n"
            "config.toml:5:14: audit.keep_bytes: expected a size of at least 1MiB, such as \"10GiB\"");
}

TEST_F(ConfigTest, NeedsItsVersion) {
  EXPECT_NE(error_of("[run]\n"), "");
}

TEST_F(ConfigTest, IsRefusedWhenAnyLayerIsWrong) {
  std::string good = write("good.toml", "");
  std::string bad = write("bad.toml", "[run]\nkeep = 1\n");
  EXPECT_FALSE(resolve({bad, good, {}}));
  EXPECT_FALSE(resolve({good, bad, {}}));
  EXPECT_FALSE(resolve({directory_, good, {}})) << "a directory is no file";
}

TEST_F(ConfigTest, TellsAMisspelledVariableFromOneThatIsNotOurs) {
  EXPECT_TRUE(parse_environment({{"HYDRAVISOR_BUILD_DIR", "/x"}, {"RUN_POLICY", "x"}})->empty());
  auto values = parse_environment({{"HYDRAVISOR_RUN_POLCY", "x"}, {"HYDRAVISOR_RUN_KEEP", "yes"}});
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().message(),
            "HYDRAVISOR_RUN_POLCY: unknown key (did you mean 'HYDRAVISOR_RUN_POLICY'?)\n"
            "HYDRAVISOR_RUN_KEEP: run.keep: expected true or false; found \"yes\"");
}

TEST_F(ConfigTest, RefusesAVariableForWhatTheDaemonReadsFromFiles) {
  for (const char* name : {"HYDRAVISOR_AUDIT_KEEP", "HYDRAVISOR_AUDIT_KEEP_PAYLOADS", "HYDRAVISOR_AUDIT_KEEP_BYTES"}) {
    auto values = parse_environment({{name, "90d"}});
    ASSERT_FALSE(values) << name;
    EXPECT_NE(values.error().message().find("only config.toml says 'audit.keep"), std::string::npos)
        << values.error().message();
    EXPECT_TRUE(parse_environment({{name, ""}})->empty());
  }
  // And none is offered for a misspelled one.
  auto misspelled = parse_environment({{"HYDRAVISOR_AUDIT_KEEP_PAYLOAD", "90d"}});
  ASSERT_FALSE(misspelled);
  EXPECT_EQ(misspelled.error().message().find("KEEP_PAYLOADS"), std::string::npos) << misspelled.error().message();
}

TEST_F(ConfigTest, TakesAnEmptyVariableForNone) {
  EXPECT_TRUE(parse_environment({{"HYDRAVISOR_RUN_KEEP", ""}})->empty());
}

}  // namespace
}  // namespace hv::config
