#include "isolation/cgroup_meter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/remove_tree.h"

namespace hv::isolation {
namespace {

TEST(CgroupMeter, AddsUpWhatAllDisksCountInBothVersionsWords) {
  IoBytes two = io_bytes("254:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=9 dios=0\n8:0 rbytes=1 wbytes=2\n");
  EXPECT_EQ(two.read, 101u);
  EXPECT_EQ(two.written, 22u);
  IoBytes one = io_bytes("254:0 Read 7\n254:0 Write 5\n254:0 Sync 12\n254:0 Total 12\nTotal 12\n");
  EXPECT_EQ(one.read, 7u);
  EXPECT_EQ(one.written, 5u);
}

TEST(CgroupMeter, TakesAKeyForWholeWordsOnly) {
  EXPECT_EQ(keyed_number("oom_kill_disable 1\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3u);
  EXPECT_EQ(keyed_number("oom_kill_disable 1\n", "oom_kill"), 0u);
}

TEST(CgroupMeter, SeesWhatChangesAfterItWasOpened) {
  char text[] = "/tmp/hv-meter-XXXXXX";
  ASSERT_NE(::mkdtemp(text), nullptr);
  std::string directory = text;
  auto put = [&](const char* name, const char* value) {
    base::Fd file = *base::open_file(directory + name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_TRUE(base::write_all(file.get(), value));
  };
  put("/memory.usage_in_bytes", "4096\n");
  put("/pids.events", "max 0\n");
  CgroupMeter meter({directory});
  EXPECT_EQ(meter.read().memory, 4096u);
  put("/memory.usage_in_bytes", "8192\n");
  put("/pids.events", "max 12\n");
  EXPECT_EQ(meter.read().memory, 8192u);
  EXPECT_EQ(meter.read().pids_refused, 12u);
  EXPECT_EQ(meter.read().cpu.count(), 0) << "nothing counts it here";
  ASSERT_TRUE(base::remove_tree(directory));
}

}  // namespace
}  // namespace hv::isolation
