#include "cli/usage_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hv::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

core::SandboxUsage item(const std::string& name, uint64_t memory, uint64_t cpu, uint64_t written) {
  core::SandboxUsage usage{name, name, {}};
  usage.stats.state = core::SandboxState::running;
  usage.stats.memory_bytes = memory;
  usage.stats.cpu_nanoseconds = cpu;
  usage.stats.io_written_bytes = written;
  return usage;
}

core::Usage at(std::chrono::seconds time, std::vector<core::SandboxUsage> items) {
  return {base::WallTime(time), std::move(items)};
}

TEST(UsageView, ShowsRatesBetweenTwoSamples) {
  core::Usage before = at(10s, {item("web", 1 << 20, 1'000'000'000, 0)});
  core::Usage now = at(12s, {item("web", 2 << 20, 2'500'000'000, 4 << 20)});
  std::string text = usage_text(&before, now, UsageOrder::cpu, 200);
  EXPECT_THAT(text, HasSubstr("75.0%"));
  EXPECT_THAT(text, HasSubstr("2 MiB/s"));
  EXPECT_THAT(text, Not(HasSubstr("NETWORK")));
}

TEST(UsageView, HasNoRateForAFirstSampleNorForACounterThatWentBack) {
  core::Usage now = at(12s, {item("web", 1 << 20, 1'000, 0)});
  EXPECT_THAT(usage_text(nullptr, now, UsageOrder::cpu, 200), Not(HasSubstr("%")));
  core::Usage before = at(11s, {item("web", 1 << 20, 5'000, 0)});
  EXPECT_THAT(usage_text(&before, now, UsageOrder::cpu, 200), Not(HasSubstr("%")));
  EXPECT_THAT(usage_text(&now, now, UsageOrder::cpu, 200), Not(HasSubstr("%"))) << "no time in between";
}

TEST(UsageView, PutsFirstWhatUsesMost) {
  core::Usage before = at(10s, {item("a", 1, 0, 0), item("b", 3, 0, 0), item("c", 2, 0, 0)});
  core::Usage now = at(11s, {item("a", 1, 0, 300), item("b", 3, 100'000'000, 200), item("c", 2, 900'000'000, 0)});
  auto first = [&](UsageOrder order) {
    std::string text = usage_text(&before, now, order, 200);
    return text.substr(text.find('\n') + 1, 1);
  };
  EXPECT_EQ(first(UsageOrder::name), "a");
  EXPECT_EQ(first(UsageOrder::memory), "b");
  EXPECT_EQ(first(UsageOrder::cpu), "c");
  EXPECT_EQ(first(UsageOrder::io), "a");
}

TEST(UsageView, HasAColumnForTheNetworkWhenSomethingCountsIt) {
  core::Usage before = at(10s, {item("a", 1, 0, 0)});
  before.sandboxes[0].stats.network_bytes_in = 0;
  core::Usage now = before;
  now.time += 1s;
  now.sandboxes[0].stats.network_bytes_in = 3 << 10;
  EXPECT_THAT(usage_text(&before, now, UsageOrder::network, 200), HasSubstr("3 KiB/s"));
}

TEST(UsageView, KnowsItsOrdersByNameAndByKey) {
  EXPECT_EQ(*parse_usage_order("disk"), UsageOrder::disk);
  EXPECT_THAT(parse_usage_order("luck").error().message(), HasSubstr("'luck' is none of name, cpu"));
  EXPECT_EQ(usage_order_of('m'), UsageOrder::memory);
  EXPECT_EQ(usage_order_of('n'), UsageOrder::network);
  EXPECT_EQ(usage_order_of('q'), std::nullopt);
}

}  // namespace
}  // namespace hv::cli
