#include "service/denials.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace hv::service {
namespace {

class Records final : public core::Recorder {
 public:
  base::Result<uint64_t> record(const core::Event& event) override {
    std::lock_guard lock(mutex_);
    if (full) return base::Failure(base::io_error("no space"));
    events.push_back(event);
    return events.size() - 1;
  }
  // Everything that was denied, however it was recorded.
  uint64_t denied() const {
    uint64_t all = 0;
    for (const core::Event& event : events) all += count_of(event);
    return all;
  }
  static uint64_t count_of(const core::Event& event) {
    const base::json::Value* count = event.payload.if_contains("count");
    return count == nullptr ? 1 : count->to_number<uint64_t>();
  }
  bool full = false;
  std::vector<core::Event> events;

 private:
  std::mutex mutex_;
};

core::Event denial(const std::string& principal, const std::string& action, const std::string& name = "") {
  core::Event event;
  event.kind = "access.denied";
  event.principal = principal;
  event.payload = {{"action", action}, {"rule", "nothing allows it"}, {"origin", ""}, {"scope", "built in"}};
  if (!name.empty()) event.payload["name"] = name;
  return event;
}

struct World {
  Records records;
  int asked = 0;
  Denials denials{records, [this] { ++asked; }};
};

TEST(Denials, AFloodOfTheSameIsOneRecordAndACount) {
  World world;
  for (int i = 0; i < 100'000; ++i) world.denials.add(denial("agent:ci", "apply", "web"));
  ASSERT_EQ(world.records.events.size(), 1U);
  EXPECT_EQ(world.records.events[0].payload.if_contains("count"), nullptr);
  EXPECT_EQ(world.asked, 1) << "one flush, however many ask for it";
  world.denials.flush();
  ASSERT_EQ(world.records.events.size(), 2U);
  EXPECT_EQ(world.records.count_of(world.records.events[1]), 99'999U);
  EXPECT_EQ(world.records.events[1].payload.at("name").get_string(), "web");
  EXPECT_EQ(world.asked, 2);
  world.denials.flush();
  EXPECT_EQ(world.records.events.size(), 2U);
}

TEST(Denials, WhatGoesOnIsCountedAndWhatComesBackLaterIsRecordedAtOnce) {
  World world;
  for (int second = 0; second < 5; ++second) {
    for (int i = 0; i < 10; ++i) world.denials.add(denial("agent:ci", "apply"));
    world.denials.flush();
  }
  EXPECT_EQ(world.records.events.size(), 6U);
  EXPECT_EQ(world.records.denied(), 50U);
  world.denials.flush();
  world.denials.add(denial("agent:ci", "apply"));
  EXPECT_EQ(world.records.events.size(), 7U);
  EXPECT_EQ(world.records.count_of(world.records.events.back()), 1U);
}

TEST(Denials, EachPrincipalActionAndThingIsCountedForItself) {
  World world;
  for (int i = 0; i < 3; ++i)
    for (const char* who : {"agent:ci", "user:1001"})
      for (const char* what : {"apply", "exec"})
        for (const char* name : {"web", "db"}) world.denials.add(denial(who, what, name));
  EXPECT_EQ(world.records.events.size(), 8U);
  world.denials.flush();
  EXPECT_EQ(world.records.events.size(), 16U);
  EXPECT_EQ(world.records.denied(), 24U);
  for (size_t i = 8; i < 16; ++i) EXPECT_EQ(world.records.count_of(world.records.events[i]), 2U);
}

TEST(Denials, MadeUpNamesDoNotFillTheLedgerNorHideAnybodyElse) {
  World world;
  for (int i = 0; i < 10'000; ++i)
    world.denials.add(denial("agent:ci", i % 2 == 0 ? "apply" : "exec", "name" + std::to_string(i)));
  world.denials.add(denial("agent:other", "apply", "web"));
  EXPECT_EQ(world.records.events.size(), Denials::kSingly + 1);
  EXPECT_EQ(world.records.events.back().principal, "agent:other");
  world.denials.flush();
  EXPECT_EQ(world.records.events.size(), Denials::kSingly + 3) << "one more for each action";
  EXPECT_EQ(world.records.denied(), 10'001U);
  const core::Event& others = world.records.events.back();
  EXPECT_EQ(others.payload.if_contains("name"), nullptr) << "it would be one of thousands";
  EXPECT_EQ(others.payload.at("rule").get_string(), "and others: a flood of different denials");
}

TEST(Denials, WhatTheLedgerDoesNotTakeIsToldWhenItCan) {
  World world;
  world.records.full = true;
  for (int i = 0; i < 5; ++i) world.denials.add(denial("agent:ci", "apply"));
  world.denials.flush();
  world.denials.flush();
  EXPECT_TRUE(world.records.events.empty());
  EXPECT_GE(world.asked, 3) << "it is tried again";
  world.records.full = false;
  world.denials.flush();
  EXPECT_EQ(world.records.denied(), 5U);
}

TEST(Denials, LosesNothingBetweenThreads) {
  World world;
  std::vector<std::thread> threads;
  std::atomic<bool> done = false;
  std::thread flusher([&] {
    while (!done) world.denials.flush();
  });
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) world.denials.add(denial("agent:ci", "apply"));
    });
  for (std::thread& thread : threads) thread.join();
  done = true;
  flusher.join();
  world.denials.flush();
  EXPECT_EQ(world.records.denied(), 20'000U);
}

}  // namespace
}  // namespace hv::service
