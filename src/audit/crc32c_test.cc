#include "audit/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace hv::audit {
namespace {

TEST(Crc32c, FollowsTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Crc32c, IsTheSameInPiecesAsInOne) {
  std::string text = "a record is torn where its sum no longer fits";
  for (size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(crc32c(std::string_view(text).substr(cut), crc32c(std::string_view(text).substr(0, cut))), crc32c(text));
}

}  // namespace
}  // namespace hv::audit
