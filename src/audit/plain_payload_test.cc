#include "audit/plain_payload.h"

#include <gtest/gtest.h>

#include <limits>

#include "audit/payload.h"

namespace hv::audit {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

TEST(PlainPayload, IsWhatTheLongWayMakes) {
  for (const Object& payload : {
           Object{},
           Object{{"path", "/usr/bin/true"}, {"arguments", {"true", "-q"}}, {"pid", 17}, {"parent", nullptr}},
           Object{{"text", "caf\u00e9 \"quoted\" \\ \n\t\x01\x1f\x7f end"}, {"flag", true}, {"other", false}},
           Object{{"a \"name\"\n", -5}, {"large", uint64_t{1} << 63}, {"small", std::numeric_limits<int64_t>::min()}},
           Object{{"ratio", 0.25}, {"tiny", 1e-300}, {"nested", Object{{"a", Array{1, Array{}, Object{}}}}}},
           Object{{"arguments", Array{"make", 3}}, {"command", "make test"}, {"redacted", 2}},
           Object{{"arguments", {"git", "push", "origin", "main"}}, {"token_count", 5}, {"pid", 1}},
           Object{{"\u2028", "\u2028\u00ff\U0001f600"}},
       }) {
    std::optional<std::string> plain = plain_payload_text(payload, kMaxPayloadSize, true);
    ASSERT_TRUE(plain) << base::json::serialize(payload);
    EXPECT_EQ(*plain, careful_payload_text(payload, kMaxPayloadSize, true));
    EXPECT_EQ(plain_payload_text(payload, kMaxPayloadSize, false), plain);
  }
}

TEST(PlainPayload, LeavesWhatHasToBeChangedToTheLongWay) {
  Value deep = "x";
  for (int i = 0; i < 30; ++i) deep = Array{deep};
  for (const Object& payload : {
           Object{{"password", "hunter2"}},
           Object{{"note", "export API_KEY=abcdef"}},
           Object{{"password=hunter2", 1}},
           Object{{"arguments", {"curl", "-u", "me:secret", "https://example.org"}}},
           Object{{"arguments", {"tool", "--password", "secret"}}},
           Object{{"arguments", {"openssl", "rsa", "-passin", "pass:secret"}}},
           Object{{"nested", Object{{"list", Array{Object{{"token", "abc"}}}}}}},
           Object{{"broken", std::string("\xff\xfe")}},
           Object{{std::string("\xff"), 1}},
           Object{{std::string(300, 'n'), 1}},
           Object{{"long", std::string(kMaxPayloadSize, 'x')}},
           Object{{"deep", deep}},
           Object{{"infinite", std::numeric_limits<double>::infinity()}},
       }) {
    EXPECT_FALSE(plain_payload_text(payload, kMaxPayloadSize, true)) << base::json::serialize(payload);
    std::string text = payload_text(payload);
    EXPECT_EQ(text, careful_payload_text(payload, kMaxPayloadSize, true));
    EXPECT_NE(text, base::json::serialize(payload));
  }
}

}  // namespace
}  // namespace hv::audit
