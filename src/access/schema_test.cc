#include "access/schema.h"

#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "access/access.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::access {
namespace {

// functional/access_test.py holds it against the parser's cases, with a validator of other hands. UPDATE_GOLDEN=1
// publishes it.
TEST(AccessSchema, IsThePublishedOne) {
  std::string path = HYDRAVISOR_SOURCE_DIR "/docs/access.schema.json";
  std::string text = base::json::serialize_pretty(schema()) + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) ASSERT_TRUE(base::replace_file(path, text, 0644));
  EXPECT_EQ(text, *base::read_file(path)) << "to publish it: run this test with UPDATE_GOLDEN=1";
}

// The keys that the parser names when it meets one that it does not know.
std::set<std::string> known_in(const std::string& head) {
  auto access = parse(base::format("version = 1\n{}\nzzzzzzzzzzzzzzzz = 1\n", head), "a.toml");
  if (access) return {};
  const std::string& message = access.error().message();
  size_t at = message.find("known here: ");
  std::set<std::string> known;
  if (at == std::string::npos) return known;
  std::string all = message.substr(at + 12, message.find('\n', at) - at - 12);
  for (std::string& name : base::split(all, ',')) known.insert(name.substr(name.find_first_not_of(' ')));
  // Refused by name until there are any.
  known.erase("templates");
  return known;
}

std::set<std::string> keys_of(const base::json::Value& table) {
  std::set<std::string> keys;
  for (const auto& [key, about] : table.as_object().at("properties").as_object()) keys.insert(std::string(key));
  return keys;
}

TEST(AccessSchema, HasTheKeysThatTheParserHas) {
  base::json::Value root = schema();
  EXPECT_EQ(keys_of(root), known_in(""));
  const base::json::Object& properties = root.as_object().at("properties").as_object();
  auto below = [&](const char* key, const char* of) { return properties.at(key).as_object().at(of); };
  EXPECT_EQ(keys_of(below("roles", "additionalProperties")), known_in("[roles.x]"));
  EXPECT_EQ(keys_of(below("principals", "additionalProperties")), known_in("[principals.\"agent:x\"]"));
  EXPECT_EQ(keys_of(below("grants", "items")), known_in("[[grants]]"));
  EXPECT_EQ(keys_of(below("sandboxes", "items")), known_in("[[sandboxes]]"));
}

}  // namespace
}  // namespace hv::access
