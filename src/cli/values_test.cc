#include "cli/values.h"

#include <csignal>

#include <gtest/gtest.h>

namespace hv::cli {

TEST(Values, ReadProcessorsInThousandths) {
  EXPECT_EQ(*parse_cpus("2"), 2000u);
  EXPECT_EQ(*parse_cpus("1.5"), 1500u);
  EXPECT_EQ(*parse_cpus("0.25"), 250u);
  for (std::string_view bad : {"", "0", "x", "1.", "1.2345", "-1", "1e3"})
    EXPECT_FALSE(parse_cpus(bad).has_value()) << bad;
}

TEST(Values, TakeNoMemoryThatNothingCanStartIn) {
  EXPECT_EQ(*parse_size("memory", "16MiB", core::least_memory_bytes, "2GiB"), uint64_t{16} << 20);
  EXPECT_EQ(*parse_size("memory", "2GiB", core::least_memory_bytes, "2GiB"), uint64_t{2} << 30);
  for (std::string_view bad : {"0", "", "much", "64KiB", "16777215"}) {
    auto refused = parse_size("memory", bad, core::least_memory_bytes, "2GiB");
    ASSERT_FALSE(refused) << bad;
    EXPECT_NE(refused.error().message().find("--memory: "), std::string::npos);
  }
}

TEST(Values, TakeAVariableFromTheCallerWhenNoValueIsGiven) {
  std::vector<core::Variable> environment{{.name = "TOKEN", .value = "t"}};
  EXPECT_EQ(parse_variable("A=b=c", environment)->value, "b=c");
  EXPECT_EQ(parse_variable("A=", environment)->value, "");
  EXPECT_EQ(parse_variable("TOKEN", environment)->value, "t");
  auto missing = parse_variable("NOPE", environment);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().text(), "--env: NOPE is not set here (set it, or give its value: --env NOPE=VALUE)");
  EXPECT_FALSE(parse_variable("=x", environment).has_value());
}

TEST(Values, ReadTimesAsPeopleWriteThem) {
  base::WallTime now = *base::from_rfc3339("2026-11-23T12:00:00Z");
  EXPECT_EQ(base::to_rfc3339(*parse_time("since", "30m", now)), "2026-11-23T11:30:00.000000000Z");
  EXPECT_EQ(base::to_rfc3339(*parse_time("since", "2026-11-20", now)), "2026-11-20T00:00:00.000000000Z");
  EXPECT_EQ(base::to_rfc3339(*parse_time("since", "2026-11-20T01:02:03Z", now)), "2026-11-20T01:02:03.000000000Z");
  EXPECT_FALSE(parse_time("since", "yesterday", now).has_value());
}

TEST(Values, KnowSignalsByNameAndNumber) {
  EXPECT_EQ(*parse_signal("TERM"), SIGTERM);
  EXPECT_EQ(*parse_signal("SIGINT"), SIGINT);
  EXPECT_EQ(*parse_signal("9"), SIGKILL);
  EXPECT_FALSE(parse_signal("NOPE").has_value());
  EXPECT_FALSE(parse_signal("0").has_value());
}

TEST(Values, MakePathsAbsolute) {
  EXPECT_EQ(absolute_path(".", "/home/u/p"), "/home/u/p");
  EXPECT_EQ(absolute_path("../q/./r/", "/home/u/p"), "/home/u/q/r");
  EXPECT_EQ(absolute_path("/a//b/..", "/home"), "/a");
  EXPECT_EQ(absolute_path("../../../..", "/home"), "/");
}

TEST(Values, NameTheOptionInEveryRefusal) {
  EXPECT_EQ(parse_number("pids", "many", 1, 10).error().message(), "--pids: 'many' is not a number from 1 to 10");
  EXPECT_EQ(parse_number("host-port", "65536", 1, 65535).error().message(),
            "--host-port: '65536' is not a number from 1 to 65535");
  EXPECT_EQ(parse_label("x").error().message(), "--label: 'x' is not KEY=VALUE");
}

}  // namespace hv::cli
