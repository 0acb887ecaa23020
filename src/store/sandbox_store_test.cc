#include "store/sandbox_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace hv::store {
namespace {

class SandboxStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hydravisor-store-XXXXXX";
    directory_ = ::mkdtemp(path);
    store_.emplace(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  StoredSandbox make() {
    core::SandboxId id = *core::SandboxId::generate();
    EXPECT_TRUE(store_->create(id));
    StoredSandbox sandbox;
    sandbox.info.id = id.text();
    sandbox.info.name = "web";
    sandbox.info.command = {"sh", "-c", "exit 3"};
    sandbox.request.command = sandbox.info.command;
    sandbox.request.workspace = {"/home/u/p", core::WorkspaceMode::cow};
    sandbox.request.caller.directory = "/home/u/p";
    sandbox.remove_when_done = true;
    return sandbox;
  }
  std::string directory_;
  std::optional<SandboxStore> store_;
};

TEST_F(SandboxStoreTest, FindsWhatWasSaved) {
  StoredSandbox saved = make();
  ASSERT_TRUE(store_->save(saved));
  std::vector<std::string> problems;
  auto all = store_->load_all(problems);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ(all->front().info.name, "web");
  EXPECT_EQ(all->front().request, saved.request);
  EXPECT_TRUE(all->front().remove_when_done);
  EXPECT_TRUE(problems.empty());
}

TEST_F(SandboxStoreTest, KeepsTheRulesOfTheRun) {
  StoredSandbox saved = make();
  saved.audit = {false, true, false, {"ACME_*"}, {"acme-[0-9a-f]{8}"}, 3'600'000};
  saved.behavior = {{"{name = \"a\"}", "p.toml:3"}};
  saved.home_inside = "/home/u";
  saved.behavior_since = 7;
  saved.isolated_by = "a";
  saved.ends_at = 1'764'000'000;
  saved.end_reason = "its time";
  ASSERT_TRUE(store_->save(saved));
  std::vector<std::string> problems;
  auto all = store_->load_all(problems);
  ASSERT_TRUE(all && all->size() == 1) << problems.size();
  EXPECT_EQ(all->front().behavior.at(0).text, "{name = \"a\"}");
  EXPECT_EQ(all->front().audit, saved.audit);
  EXPECT_EQ(all->front().behavior.at(0).origin, "p.toml:3");
  EXPECT_EQ(all->front().home_inside, "/home/u");
  EXPECT_EQ(all->front().behavior_since, 7u);
  EXPECT_EQ(all->front().isolated_by, "a");
  EXPECT_EQ(all->front().ends_at, 1'764'000'000);
  EXPECT_EQ(all->front().end_reason, "its time");
}

TEST_F(SandboxStoreTest, NamesAFileItCannotReadAndLeavesItAlone) {
  StoredSandbox sandbox = make();
  std::string file = store_->path_of(sandbox.info.id) + "/sandbox.json";
  for (const char* text : {"{", "{\"version\": 99}", ""}) {
    ASSERT_TRUE(base::replace_file(file, text));
    std::vector<std::string> problems;
    auto all = store_->load_all(problems);
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->empty());
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].find(file), std::string::npos);
    EXPECT_TRUE(base::path_exists(file));
  }
}

TEST_F(SandboxStoreTest, KeepsAReserveThatIsGivenBackOnce) {
  core::SandboxId id = *core::SandboxId::generate();
  ASSERT_TRUE(store_->create(id));
  EXPECT_GE(std::filesystem::file_size(store_->path_of(id.text()) + "/reserve"), 4096u);
  EXPECT_TRUE(store_->give_back_reserve(id.text()));
  EXPECT_FALSE(store_->give_back_reserve(id.text()));
}

TEST_F(SandboxStoreTest, AnAbsentDirectoryHoldsNoSandbox) {
  std::vector<std::string> problems;
  auto all = SandboxStore(directory_ + "/none").load_all(problems);
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->empty());
}

TEST_F(SandboxStoreTest, RemovesADirectoryThatOverlayLeftUnreadable) {
  StoredSandbox sandbox = make();
  std::string work = store_->path_of(sandbox.info.id) + "/workspace/work/work";
  ASSERT_TRUE(base::make_directories(work));
  std::filesystem::permissions(work, std::filesystem::perms::none);
  EXPECT_TRUE(store_->remove(sandbox.info.id));
  EXPECT_FALSE(base::path_exists(store_->path_of(sandbox.info.id)));
}

TEST_F(SandboxStoreTest, SetsAsideWhatIsRemovedLater) {
  StoredSandbox saved = make();
  ASSERT_TRUE(store_->save(saved));
  auto aside = store_->set_aside(saved.info.id);
  ASSERT_TRUE(aside) << aside.error().message();
  EXPECT_FALSE(base::path_exists(store_->path_of(saved.info.id)));
  EXPECT_TRUE(base::path_exists(*aside + "/sandbox.json"));
  EXPECT_EQ(store_->half_done(), std::vector<std::string>{*aside});
  std::vector<std::string> problems;
  EXPECT_TRUE(store_->load_all(problems)->empty()) << "it is nobody's sandbox any more";
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(store_->set_aside(saved.info.id).value(), "");
}

TEST_F(SandboxStoreTest, FindsWhatWasBegunAndNothingElse) {
  StoredSandbox saved = make();
  ASSERT_TRUE(store_->save(saved));
  StoredSandbox unreadable = make();
  ASSERT_TRUE(base::replace_file(store_->path_of(unreadable.info.id) + "/sandbox.json", "of another version"));
  StoredSandbox begun = make();
  ASSERT_TRUE(base::make_directories(directory_ + "/notes"));
  EXPECT_EQ(store_->half_done(), std::vector<std::string>{store_->path_of(begun.info.id)});
}

}  // namespace
}  // namespace hv::store
