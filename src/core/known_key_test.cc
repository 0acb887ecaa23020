#include "core/known_key.h"

#include <string>

#include <gtest/gtest.h>

namespace hv::core {
namespace {

TEST(KnownKey, EndsWhereItsCharactersEnd) {
  std::string key = "ghp_" + std::string(30, 'a') + "1";
  EXPECT_EQ(known_key_length(key), key.size());
  EXPECT_EQ(known_key_length(key + " and more"), key.size());
  EXPECT_EQ(known_key_length(key + ".git"), key.size());
  EXPECT_EQ(known_key_length("SG." + std::string(20, 'a') + "." + std::string(20, '1') + "\""), 44u);
}

TEST(KnownKey, IsLongEnoughAndHasDigits) {
  EXPECT_EQ(known_key_length("ghp_" + std::string(28, 'a') + "1"), 0u);
  EXPECT_EQ(known_key_length("ghp_" + std::string(40, 'a')), 0u);
  EXPECT_EQ(known_key_length("AKIA0123456789ABCDEF"), 20u);
  EXPECT_EQ(known_key_length("AKIA0123456789abcdef"), 0u) << "such keys are of capitals";
  EXPECT_EQ(known_key_length(""), 0u);
}

TEST(KnownKey, IsAWebTokenOrAPrivateKey) {
  EXPECT_EQ(known_key_length("eyJhbGciOi.eyJzdWIiOi.abc-_ rest"), 27u);
  EXPECT_EQ(known_key_length("eyJhbGciOi.zzJzdWIiOi.abc"), 0u);
  std::string pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
  EXPECT_EQ(known_key_length(pem + "\n"), pem.size());
  EXPECT_EQ(known_key_length(pem.substr(0, 40)), 40u) << "the end may have been cut off";
  EXPECT_EQ(known_key_length("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"), 0u);
}

}  // namespace
}  // namespace hv::core
