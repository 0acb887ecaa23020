#include "isolation/io_device.h"

#include <gtest/gtest.h>

namespace hv::isolation {
namespace {

TEST(IoDevice, OfWhatNoDiskHoldsIsUnknownAndSaysWhy) {
  IoDevice device = find_io_device("/proc/self");
  EXPECT_EQ(device.number, "");
  EXPECT_NE(device.reason.find("no disk of its own"), std::string::npos);
}

TEST(IoDevice, OfADirectoryToComeIsThatOfItsParent) {
  IoDevice parent = find_io_device("/");
  IoDevice child = find_io_device("/no-such-directory/below");
  EXPECT_EQ(parent.number, child.number);
  EXPECT_EQ(parent.reason, child.reason);
}

}  // namespace
}  // namespace hv::isolation
