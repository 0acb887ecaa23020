#include "gateway/folder.h"

#include <vector>

#include <gtest/gtest.h>

namespace hv::gateway {
namespace {

struct Told {
  std::vector<core::NetworkEvent> events;
  Folder folder{[this](const core::NetworkEvent& event) { events.push_back(event); }};
};

core::NetworkEvent refused(const std::string& name) {
  core::NetworkEvent event;
  event.kind = core::NetworkEvent::Kind::dns;
  event.name = name;
  return event;
}

TEST(Folder, TellsTheFirstAtOnceAndCountsTheRest) {
  Told told;
  for (int i = 0; i < 1000; ++i) told.folder.add(refused("evil.example"));
  ASSERT_EQ(told.events.size(), 1u);
  EXPECT_EQ(told.events[0].count, 1u);
  told.folder.flush();
  ASSERT_EQ(told.events.size(), 2u);
  EXPECT_EQ(told.events[1].count, 999u);
  told.folder.flush();
  EXPECT_EQ(told.events.size(), 2u);
}

TEST(Folder, NamesMadeUpWithoutEndStayBoundedAndEachIsCounted) {
  Told told;
  for (int i = 0; i < 100'000; ++i) told.folder.add(refused(std::to_string(i) + ".evil.example"));
  told.folder.flush();
  EXPECT_EQ(told.events.size(), Folder::kSingly + 1);
  uint64_t total = 0;
  for (const core::NetworkEvent& event : told.events) total += event.count;
  EXPECT_EQ(total, 100'000u);
}

TEST(Folder, TellsSingleOnesOnce) {
  Told told;
  told.folder.add(refused("a.example"));
  told.folder.add(refused("b.example"));
  told.folder.flush();
  EXPECT_EQ(told.events.size(), 2u);
}

}  // namespace
}  // namespace hv::gateway
