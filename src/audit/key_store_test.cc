#include "audit/key_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "audit/test_directory.h"

namespace hv::audit {
namespace {

class KeyStoreTest : public testing::Test {
 protected:
  base::Result<KeyStore> open(const std::string& origin = "example.com/test", bool create = true) {
    return KeyStore::open(directory.path(), origin, create, files, clock);
  }
  std::string path(const std::string& name) { return directory.path() + "/keys/" + name; }
  TestDirectory directory;
  TestClock clock;
  FaultyFiles files;
};

TEST_F(KeyStoreTest, MakesOneKeyAndKeepsIt) {
  VerifierKey first = open()->verifier();
  EXPECT_EQ(open()->verifier(), first);
  EXPECT_EQ(directory.read("keys/0.vkey"), first.text() + "\n");
  EXPECT_EQ(open("")->origin(), "example.com/test");
  EXPECT_FALSE(open("example.com/other"));
}

TEST_F(KeyStoreTest, InventsAnOriginWhenNoneIsGiven) {
  auto store = open("");
  ASSERT_TRUE(store);
  EXPECT_TRUE(is_valid_key_name(store->origin()));
  EXPECT_EQ(store->origin().substr(0, 11), "hydravisor/");
}

TEST_F(KeyStoreTest, RefusesAnOriginThatANoteCannotCarry) {
  EXPECT_FALSE(open("two words"));
  EXPECT_FALSE(open("a+b"));
}

TEST_F(KeyStoreTest, DoesNotMakeAKeyForALedgerThatLostIts) {
  EXPECT_FALSE(open("example.com/test", false));
  EXPECT_FALSE(base::path_exists(path("current")));
}

TEST_F(KeyStoreTest, HandsOverAndForgetsTheOldKey) {
  auto store = open();
  VerifierKey first = store->verifier();
  std::string old_text = directory.read("keys/current");
  ASSERT_TRUE(store->prepare_next(clock.wall()));
  ASSERT_TRUE(store->hand_over(17, root_of({}), clock.wall()));
  EXPECT_EQ(store->period(), 1u);
  EXPECT_NE(store->verifier(), first);
  for (const auto& entry : std::filesystem::directory_iterator(directory.path() + "/keys")) {
    std::string text = *base::read_file(entry.path());
    EXPECT_EQ(text.find(old_text.substr(old_text.find("seed "))), std::string::npos) << entry.path();
  }
  auto chain = read_key_chain(directory.path(), first);
  ASSERT_TRUE(chain);
  EXPECT_FALSE(chain->fault);
  EXPECT_EQ(chain->keys.back(), store->verifier());
  EXPECT_EQ(chain->handovers.at(0).size, 17u);
}

TEST_F(KeyStoreTest, ForgetsANextKeyThatWasNeverSignedFor) {
  auto store = open();
  VerifierKey first = store->verifier();
  ASSERT_TRUE(store->prepare_next(clock.wall()));
  store = open();
  EXPECT_EQ(store->verifier(), first);
  EXPECT_FALSE(base::path_exists(path("next")));
}

// The crash that leaves most behind: the note is signed, and the old key is already overwritten but not yet replaced.
TEST_F(KeyStoreTest, FinishesAHandoverThatACrashCutShort) {
  for (bool overwritten : {false, true}) {
    TestDirectory fresh;
    auto store = KeyStore::open(fresh.path(), "example.com/test", true, files, clock);
    std::string current = fresh.path() + "/keys/current";
    std::string next = fresh.path() + "/keys/next";
    VerifierKey next_key = *store->prepare_next(clock.wall());
    std::string current_text = *base::read_file(current);
    std::string next_text = *base::read_file(next);
    ASSERT_TRUE(store->hand_over(1, root_of({}), clock.wall()));
    ASSERT_TRUE(base::replace_file(next, next_text));
    ASSERT_TRUE(base::replace_file(current, overwritten ? std::string(current_text.size(), '\0') : current_text));
    auto reopened = KeyStore::open(fresh.path(), "", false, files, clock);
    ASSERT_TRUE(reopened) << reopened.error().text();
    EXPECT_EQ(reopened->verifier(), next_key);
    EXPECT_EQ(reopened->period(), 1u);
    EXPECT_FALSE(base::path_exists(next));
  }
}

TEST_F(KeyStoreTest, KeepsTheOldKeyWhenTheNoteCannotBeWritten) {
  auto store = open();
  VerifierKey first = store->verifier();
  ASSERT_TRUE(store->prepare_next(clock.wall()));
  files.fail_replace_after(0, ENOSPC);
  EXPECT_FALSE(store->hand_over(1, root_of({}), clock.wall()));
  files.heal();
  EXPECT_EQ(open()->verifier(), first);
}

TEST_F(KeyStoreTest, ReadsTheChainOnlyAsFarAsEachKeyVouchesForTheNext) {
  auto store = open();
  for (uint64_t size : {5, 9, 14}) {
    ASSERT_TRUE(store->prepare_next(clock.wall()));
    ASSERT_TRUE(store->hand_over(size, root_of({}), clock.wall()));
  }
  EXPECT_EQ(read_key_chain(directory.path(), std::nullopt)->keys.size(), 4u);
  std::string second = directory.read("keys/2.note");
  directory.write("keys/2.note", directory.read("keys/3.note"));
  auto chain = read_key_chain(directory.path(), std::nullopt);
  EXPECT_EQ(chain->keys.size(), 2u);
  EXPECT_TRUE(chain->fault);
  directory.write("keys/2.note", second);
  EXPECT_FALSE(read_key_chain(directory.path(), std::nullopt)->fault);
}

}  // namespace
}  // namespace hv::audit
