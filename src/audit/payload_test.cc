#include "audit/payload.h"

#include <gtest/gtest.h>

#include <limits>

namespace hv::audit {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

Object read_back(const std::string& text) {
  auto value = base::json::parse(text);
  EXPECT_TRUE(value) << value.error().text() << "\n" << text.substr(0, 300);
  return value ? value->as_object() : Object{};
}

TEST(Payload, KeepsOrdinaryMembersAsTheyAre) {
  Object payload{{"argv", Array{"ls", "-l"}}, {"pid", 17}, {"cwd", nullptr}, {"nested", Object{{"a", true}}}};
  EXPECT_EQ(payload_text(payload), R"({"argv":["ls","-l"],"pid":17,"cwd":null,"nested":{"a":true}})");
  EXPECT_EQ(payload_text({}), "{}");
}

TEST(Payload, MarksAStringThatIsTooLongAndKeepsTheRest) {
  Object payload{{"argv", Array{"echo", std::string(200'000, 'x'), "end"}}, {"pid", 17}};
  std::string text = payload_text(payload);
  EXPECT_LE(text.size(), kMaxPayloadSize);
  Object kept = read_back(text);
  EXPECT_EQ(kept["pid"], Value(17));
  EXPECT_EQ(kept["argv"].as_array()[2], Value("end"));
  EXPECT_EQ(kept["argv"].as_array()[1].as_string().size(), 16384u);
  EXPECT_EQ(kept["_truncated"], Value(Array{Object{{"member", "argv[1]"}, {"size", 200'000}}}));
}

TEST(Payload, MarksAnArrayThatIsTooLong) {
  Array many;
  for (int i = 0; i < 50'000; ++i) many.push_back(Value("argument"));
  Object kept = read_back(payload_text(Object{{"argv", many}}));
  EXPECT_EQ(kept["argv"].as_array().size(), 2048u);
  EXPECT_EQ(kept["_truncated"], Value(Array{Object{{"member", "argv"}, {"size", 50'000}}}));
}

TEST(Payload, NeverCutsACharacterInHalf) {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "\u20ac";
  read_back(payload_text(Object{{"a", text}}, 2000));
}

TEST(Payload, RespellsWhatIsNotUtf8AndSaysSo) {
  Object kept = read_back(payload_text(Object{{"path", std::string("/tmp/\xff\xfe")}, {"good", "\u00e9"}}));
  EXPECT_EQ(kept["path"], Value("/tmp/\\xff\\xfe"));
  EXPECT_EQ(kept["good"], Value("\u00e9"));
  EXPECT_EQ(kept["_escaped"], Value(Array{"path"}));
}

TEST(Payload, HoldsNoCredentialAndCountsWhatWasTakenOut) {
  Object payload{{"arguments", Array{"curl", "-u", "me:hunter2", "https://a:hunter2@h/"}},
                 {"inner", Object{{"api_key", "hunter2"}, {"text", "TOKEN=hunter2"}}}};
  std::string text = payload_text(payload);
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_EQ(read_back(text).at("redacted"), 4);
  // What the monitor took out before is part of the count.
  payload["redacted"] = 2;
  EXPECT_EQ(read_back(payload_text(payload)).at("redacted"), 6);
  // The ledger's own members are keys that everybody may know.
  EXPECT_EQ(own_payload_text({{"token", "abc"}}), R"({"token":"abc"})");
}

TEST(Payload, KeepsNothingThatAPolicyTakesForACredential) {
  core::AuditRules rules;
  rules.redact_names = {"ACME_*"};
  rules.redact_patterns = {"acme-[0-9a-f]{8}"};
  core::Redaction own = *core::Redaction::of(rules);
  Object payload{{"arguments", Array{"run", "ACME_ID=hunter2", "--acme-id", "hunter2"}},
                 {"path", "/srv/acme-0123abcd"},
                 {"acme_id", "a member of ours"}};
  std::string text = payload_text(payload, kMaxPayloadSize, &own);
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_EQ(text.find("0123abcd"), std::string::npos) << text;
  EXPECT_EQ(read_back(text).at("redacted"), 3);
  // Names are about what an agent writes, never about the record's own members.
  EXPECT_EQ(read_back(text).at("acme_id"), "a member of ours");
  // The control.
  EXPECT_NE(payload_text(payload).find("0123abcd"), std::string::npos);
}

TEST(Payload, FitsItsLimitWhateverItsShape) {
  Object wide;
  for (int i = 0; i < 30'000; ++i) wide["member" + std::to_string(i)] = std::string(20, '\x01');
  Value deep = "bottom";
  for (int i = 0; i < 200; ++i) deep = Array{std::move(deep)};
  Value bushy = "leaf";
  for (int i = 0; i < 12; ++i) bushy = Array{bushy, bushy};
  for (const Object& payload :
       {wide, Object{{"deep", deep}}, Object{{"bushy", bushy}}, Object{{std::string(100'000, 'n'), 1}},
        Object{{"x", std::numeric_limits<double>::infinity()}, {"y", std::numeric_limits<double>::quiet_NaN()}}}) {
    std::string text = payload_text(payload, 1024);
    EXPECT_LE(text.size(), 1024u);
    read_back(text);
  }
}

}  // namespace
}  // namespace hv::audit
