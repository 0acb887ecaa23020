#include "audit/verified_mark.h"

#include <gtest/gtest.h>

#include "audit/test_directory.h"

namespace hv::audit {
namespace {

TEST(VerifiedMark, IsNoneUntilOneIsKept) {
  TestDirectory directory;
  std::string ledger = directory.path() + "/ledger";
  EXPECT_FALSE(read_verified_mark(ledger));
  ASSERT_TRUE(keep_verified_mark(ledger, "a note"));
  ASSERT_TRUE(keep_verified_mark(ledger, "another note"));
  EXPECT_EQ(read_verified_mark(ledger), "another note");
  EXPECT_EQ(directory.read("ledger.verified"), "another note") << "beside the ledger, not in it";
}

}  // namespace
}  // namespace hv::audit
