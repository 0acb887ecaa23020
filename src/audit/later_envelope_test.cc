#include "audit/later_envelope.h"

#include <gtest/gtest.h>

#include "audit/envelope.h"

namespace hv::audit {
namespace {

TEST(LaterEnvelope, TellsItsVersionAndItsPlace) {
  for (const char* text : {R"({"v":2,"index":7})", R"({"v":2,"index":7,"kind":{"new":[1,2.5,null]}})",
                           R"({"v":2,"index":7,"text":"caf\u00e9 \"quoted\""})"}) {
    std::optional<LaterEnvelope> envelope = read_later_envelope(text);
    ASSERT_TRUE(envelope) << text;
    EXPECT_EQ(envelope->version, 2u);
    EXPECT_EQ(envelope->index, 7u);
  }
  EXPECT_EQ(read_later_envelope(R"({"v":18446744073709551615,"index":0})")->version, UINT64_MAX);
  EXPECT_EQ(read_later_envelope(R"({"v":0,"index":0})")->version, 0u);
}

TEST(LaterEnvelope, IsNothingThatOnlyResemblesOne) {
  std::string long_one = R"({"v":2,"index":7,"text":")" + std::string(kMaxEnvelopeSize, 'x') + "\"}";
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string(R"({"v":2})"), std::string(R"({"v":2,"index":7)"),
        std::string(R"({"v":2,"index":7,})"), std::string(R"({"v":2,"index":7}x)"),
        std::string(R"({"v":02,"index":7})"), std::string(R"({"v":2,"index":-7})"),
        std::string(R"({"v":2,"index":7.5})"), std::string(R"({"v":"2","index":7})"),
        std::string(R"({"index":7,"v":2})"), std::string(R"({ "v":2,"index":7})"),
        std::string(R"({"v":2,"index":18446744073709551616})"), std::string(R"({"v":2,"index":7,"v":1})"),
        std::string("{\"v\":2,\"index\":7,\"text\":\"\xff\"}"), long_one})
    EXPECT_FALSE(read_later_envelope(text)) << text.substr(0, 60);
}

TEST(LaterEnvelope, IsNoneOfTheKnownVersionHoweverDamaged) {
  EXPECT_FALSE(read_later_envelope(R"({"v":1,"index":7})"));
  EXPECT_FALSE(read_later_envelope(encode_envelope({})));
}

}  // namespace
}  // namespace hv::audit
