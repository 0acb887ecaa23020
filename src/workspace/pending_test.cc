#include "workspace/pending.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace hv::workspace {
namespace {

class PendingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/hydravisor-pending-XXXXXX";
    records_ = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(records_); }
  std::string records_;
};

TEST_F(PendingTest, IsNothingWhereNothingBegan) {
  auto found = Pending::find(records_);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_FALSE(*found);
  EXPECT_TRUE(Pending::forget(records_));
}

TEST_F(PendingTest, ComesBackWithAnyName) {
  Pending discard{"discard", {"plain", "back\\slash", "not\xffutf8", "a \"quote\""}};
  ASSERT_TRUE(discard.note(records_));
  auto found = Pending::find(records_);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(**found, discard);
  EXPECT_TRUE(Pending::forget(records_));
  EXPECT_FALSE(*Pending::find(records_));
}

TEST_F(PendingTest, RefusesANoteOfAnotherVersion) {
  ASSERT_TRUE(base::replace_file(records_ + "/pending", R"({"version":2,"operation":"undo","paths":[]})"));
  EXPECT_EQ(Pending::find(records_).error().code(), base::ErrorCode::unsupported);
  ASSERT_TRUE(base::replace_file(records_ + "/pending", "half of a"));
  EXPECT_FALSE(Pending::find(records_));
}

}  // namespace
}  // namespace hv::workspace
