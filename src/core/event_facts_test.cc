#include "core/event_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hv::core {
namespace {

using base::json::Array;
using base::json::Object;
using testing::ElementsAre;

const Object kRequest{
    {"host", "api.example.org"}, {"address", "192.0.2.7"}, {"port", 443},
    {"path", "/v1/Users"},       {"verdict", "deny"},      {"inner", Array{Object{{"text", "Größe 12"}}}}};

bool fits(const AuditQuery& query, const Object& payload = kRequest) {
  return matches_payload(query, facts_of(payload));
}

TEST(EventFacts, AreEveryWordOnceInOrder) {
  EXPECT_THAT(facts_of({{"a", "B b-b"}, {"c", 7}, {"d", true}, {"e", "x_Y"}}).words, ElementsAre("7", "b", "x", "y"));
  EXPECT_EQ(facts_of({{"a", std::string(100, 'z')}}).words[0].size(), 64u);
}

TEST(EventFacts, FindAHostAndWhatLiesBelowIt) {
  EXPECT_TRUE(fits({.host = "api.example.org"}));
  EXPECT_TRUE(fits({.host = "example.org"}));
  EXPECT_TRUE(fits({.host = "192.0.2.7"}));
  EXPECT_FALSE(fits({.host = "xample.org"}));
  EXPECT_FALSE(fits({.host = "2.7"}));
  EXPECT_FALSE(fits({.host = "www.api.example.org"}));
}

TEST(EventFacts, FindAPathAndWhatLiesBelowIt) {
  EXPECT_TRUE(fits({.path = "/v1"}));
  EXPECT_TRUE(fits({.path = "/v1/"}));
  EXPECT_TRUE(fits({.path = "/"}));
  EXPECT_FALSE(fits({.path = "/v"}));
  EXPECT_FALSE(fits({.path = "/v1/Users/x"}));
  Object changes{{"paths", Array{"src/a.c", "doc"}}};
  EXPECT_TRUE(fits({.path = "src"}, changes));
  EXPECT_FALSE(fits({.path = "/"}, changes));
}

TEST(EventFacts, FindWordsInAnyOrderAndCase) {
  EXPECT_TRUE(fits({.text = "users V1"}));
  EXPECT_TRUE(fits({.text = "größe 12 443"}));
  EXPECT_TRUE(fits({.text = "user*"}));
  EXPECT_FALSE(fits({.text = "user"}));
  EXPECT_FALSE(fits({.text = "users absent"}));
  EXPECT_TRUE(fits({.text = "  "}));
}

TEST(EventFacts, FindAVerdict) {
  EXPECT_TRUE(fits({.verdict = "deny"}));
  EXPECT_FALSE(fits({.verdict = "allow"}));
}

TEST(EventFacts, GiveAncestorsAndDomains) {
  EXPECT_THAT(with_ancestors("/a/b/c"), ElementsAre("/a", "/a/b", "/a/b/c"));
  EXPECT_THAT(with_ancestors("a/b/"), ElementsAre("a", "a/b"));
  EXPECT_THAT(with_ancestors("/"), ElementsAre("/"));
  EXPECT_THAT(with_domains("a.b.c"), ElementsAre("a.b.c", "b.c", "c"));
  EXPECT_THAT(with_domains("10.0.0.1"), ElementsAre("10.0.0.1"));
}

}  // namespace
}  // namespace hv::core
