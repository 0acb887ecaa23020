#include "core/event_kinds.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"

namespace hv::core {
namespace {

std::string read_doc(const std::string& name) {
  auto text = base::read_file(std::string(HYDRAVISOR_SOURCE_DIR) + "/docs/" + name);
  return text ? *text : text.error().text();
}

TEST(EventKinds, AreThoseOfTheSchema) {
  auto schema = base::json::parse(read_doc("events.schema.json"));
  ASSERT_TRUE(schema) << schema.error().text();
  std::set<std::string> described;
  for (const auto& [name, payload] : schema->at("$defs").at("payloads").as_object()) described.emplace(name);
  std::set<std::string> known;
  for (const EventKind& kind : event_kinds()) known.emplace(kind.name);
  EXPECT_EQ(described, known);
  // Each description is used for its kind.
  std::set<std::string> used;
  for (const auto& rule : schema->at("allOf").as_array()) {
    std::string name(std::string_view(rule.at("if").at("properties").at("kind").at("const").as_string()));
    EXPECT_EQ(rule.at("then").at("properties").at("payload").at("$ref").as_string(), "#/$defs/payloads/" + name);
    used.insert(name);
  }
  EXPECT_EQ(used, known);
}

TEST(EventKinds, AreAllOnTheirPage) {
  std::string page = read_doc("events.md");
  for (const EventKind& kind : event_kinds())
    EXPECT_NE(page.find("`" + std::string(kind.name) + "`"), std::string::npos) << kind.name;
}

TEST(EventKinds, OfTheirPageAreAllKnown) {
  size_t found = 0;
  for (const std::string& line : base::split(read_doc("events.md"), '\n')) {
    // The first cell of a row names one kind, or several.
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> parts = base::split(line.substr(0, line.find(" |", 2)), '`');
    for (size_t i = 1; i < parts.size(); i += 2) {
      if (parts[i].find('.') == std::string::npos) continue;
      EXPECT_NE(find_event_kind(parts[i]), nullptr) << parts[i] << " has no class in OCSF and no schema";
      ++found;
    }
  }
  EXPECT_EQ(found, event_kinds().size());
}

TEST(EventKinds, AreFoundByName) {
  for (const EventKind& kind : event_kinds()) EXPECT_EQ(find_event_kind(kind.name), &kind);
  EXPECT_EQ(find_event_kind("exec"), nullptr);
  EXPECT_EQ(find_event_kind("zzz"), nullptr);
}

}  // namespace
}  // namespace hv::core
