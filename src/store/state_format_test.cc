#include "store/state_format.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "store/sandbox_store.h"

namespace hv::store {
namespace {

using testing::HasSubstr;

class StateFormat : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hydravisor-state-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    paths.state = path;
    paths.sandboxes = paths.state + "/sandboxes";
    paths.homes = paths.state + "/homes";
    paths.ledger = paths.state + "/ledger";
  }
  void TearDown() override { std::filesystem::remove_all(paths.state); }

  void put(const std::string& name, const std::string& text) {
    std::string path = paths.state + "/" + name;
    ASSERT_TRUE(base::make_directories(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(base::replace_file(path, text));
  }
  std::string get(const std::string& name) { return base::read_file(paths.state + "/" + name).value_or("(absent)"); }
  // As a version wrote it that knew no format, nor what has come to limits since.
  std::string put_old_sandbox() {
    std::string id = core::SandboxId::generate()->text();
    StoredSandbox sandbox;
    sandbox.info.id = id;
    sandbox.info.name = "web";
    SandboxStore store(paths.sandboxes);
    EXPECT_TRUE(store.create(*core::SandboxId::parse(id)));
    EXPECT_TRUE(store.save(sandbox));
    std::string text = get("sandboxes/" + id + "/sandbox.json");
    put("sandboxes/" + id + "/sandbox.json", " " + text);
    return id;
  }
  core::Paths paths;
};

TEST_F(StateFormat, OfANewDirectoryIsThePresentOne) {
  EXPECT_EQ(*read_state_format(paths), std::nullopt);
  auto migrated = migrate_state(paths);
  ASSERT_TRUE(migrated) << migrated.error().text();
  EXPECT_FALSE(*migrated);
  EXPECT_EQ(*read_state_format(paths), kStateFormat);
  EXPECT_FALSE(*migrate_state(paths));
}

TEST_F(StateFormat, OfANewerVersionIsRefusedAndUntouched) {
  put("format.json", R"({"format":2,"written_by":"9.1.0","more":[1]})");
  put_old_sandbox();
  for (const base::Error& error : {read_state_format(paths).error(), migrate_state(paths).error()}) {
    EXPECT_THAT(error.message(), HasSubstr("Hydravisor 9.1.0, which keeps it in a newer form (2)"));
    EXPECT_THAT(error.hint(), HasSubstr("nothing was touched"));
  }
  EXPECT_EQ(get("format.json"), R"({"format":2,"written_by":"9.1.0","more":[1]})");
  EXPECT_FALSE(base::path_exists(paths.state + "/backup-of-format-0"));
}

TEST_F(StateFormat, ThatMakesNoSenseIsRefused) {
  for (const char* text : {"", "{}", "2", R"({"format":"1","written_by":"x"})", R"({"format":-1,"written_by":"x"})"}) {
    put("format.json", text);
    EXPECT_FALSE(read_state_format(paths)) << text;
    EXPECT_FALSE(migrate_state(paths)) << text;
    EXPECT_EQ(get("format.json"), text);
  }
}

TEST_F(StateFormat, OfBeforeThereWasOneIsBroughtUpToDateAndCopiedFirst) {
  std::string id = put_old_sandbox();
  std::string before = get("sandboxes/" + id + "/sandbox.json");
  EXPECT_EQ(*read_state_format(paths), 0);
  auto migrated = migrate_state(paths);
  ASSERT_TRUE(migrated && *migrated);
  EXPECT_EQ((*migrated)->from, 0);
  EXPECT_EQ((*migrated)->backup, paths.state + "/backup-of-format-0");
  EXPECT_EQ(get("backup-of-format-0/sandboxes/" + id + "/sandbox.json"), before);
  EXPECT_NE(get("sandboxes/" + id + "/sandbox.json"), before);
  EXPECT_EQ(*read_state_format(paths), kStateFormat);
}

TEST_F(StateFormat, CutShortIsCompletedAndTheFirstCopyStays) {
  std::string id = put_old_sandbox();
  put("backup-of-format-0/sandboxes/" + id + "/sandbox.json", "the oldest");
  ASSERT_TRUE(migrate_state(paths));
  EXPECT_EQ(get("backup-of-format-0/sandboxes/" + id + "/sandbox.json"), "the oldest");
}

TEST_F(StateFormat, LeavesWhatItCannotReadAndNamesIt) {
  std::string id = put_old_sandbox();
  std::string other = core::SandboxId::generate()->text();
  put("sandboxes/" + other + "/sandbox.json", "torn");
  auto migrated = migrate_state(paths);
  ASSERT_TRUE(migrated && *migrated);
  ASSERT_EQ((*migrated)->problems.size(), 1u);
  EXPECT_THAT((*migrated)->problems[0], HasSubstr(other));
  EXPECT_EQ(get("sandboxes/" + other + "/sandbox.json"), "torn");
}

}  // namespace
}  // namespace hv::store
