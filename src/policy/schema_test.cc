#include "policy/schema.h"

#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "policy/keys.h"
#include "policy/policy.h"

namespace hv::policy {
namespace {

// functional/policy_test.py holds it against the parser, with a validator of other hands. UPDATE_GOLDEN=1 publishes it.
TEST(Schema, IsThePublishedOne) {
  std::string path = HYDRAVISOR_SOURCE_DIR "/docs/policy.schema.json";
  std::string text = base::json::serialize_pretty(schema()) + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) ASSERT_TRUE(base::replace_file(path, text, 0644));
  EXPECT_EQ(text, *base::read_file(path)) << "to publish it: run this test with UPDATE_GOLDEN=1";
}

// The keys that the parser names when it meets one that it does not know.
std::set<std::string> known_in(const std::string& section) {
  std::string text = section.empty() ? "version = 1\nzzzzzzzzzzzzzzzz = 1\n"
                                     : base::format("version = 1\n[{}]\nzzzzzzzzzzzzzzzz = 1\n", section);
  base::Result<Policy> policy = parse(text, "p.toml");
  if (policy) return {};
  const std::string& message = policy.error().message();
  size_t at = message.find("known here: ");
  std::set<std::string> known;
  if (at == std::string::npos) return known;
  std::string all = message.substr(at + 12, message.find('\n', at) - at - 12);
  for (std::string& name : base::split(all, ',')) known.insert(name.substr(name.find_first_not_of(' ')));
  return known;
}

TEST(Schema, HasTheKeysThatTheParserHas) {
  base::json::Value root = schema();
  std::set<std::string> top;
  for (const auto& [section, about] : root.as_object()["properties"].as_object()) {
    top.insert(std::string(section));
    if (!about.as_object().contains("properties")) continue;
    std::set<std::string> keys;
    for (const auto& [key, property] : about.as_object().at("properties").as_object()) keys.insert(std::string(key));
    std::set<std::string> known = known_in(std::string(section));
    if (section == "network")
      for (std::string_view planned : kPlannedNetwork) known.erase(std::string(planned));
    if (section == "audit")
      for (std::string_view always : kAlwaysRecorded) known.erase(std::string(always));
    EXPECT_EQ(keys, known) << section;
  }
  std::set<std::string> known = known_in("");
  for (std::string_view planned : kPlannedSections) known.erase(std::string(planned));
  EXPECT_EQ(top, known);
}

TEST(Schema, HasExamplesThatTheParserTakes) {
  for (const ValueKey& key : value_keys()) {
    std::string text = base::format("version = 1\n{} = {}\n", key.key, key.example);
    base::Result<Policy> policy = parse(text, "p.toml");
    ASSERT_TRUE(policy) << policy.error().message();
    EXPECT_NE(policy->origin(key.key), nullptr) << key.key;
    EXPECT_FALSE(key.value(*policy).empty()) << key.key;
  }
  for (const ListKey& key : list_keys()) {
    base::Result<Policy> policy = parse(base::format("version = 1\n{} = [{}]\n", key.key, key.example), "p.toml");
    ASSERT_TRUE(policy) << policy.error().message();
    EXPECT_EQ(items_of(key, *policy).size(), 1u) << key.key;
  }
}

}  // namespace
}  // namespace hv::policy
