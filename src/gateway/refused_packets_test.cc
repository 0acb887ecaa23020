#include "gateway/refused_packets.h"

#include <gtest/gtest.h>

namespace hv::gateway {
namespace {

TEST(RefusedPackets, ReadsWhereADatagramWasGoing) {
  std::string v4(
      "\x45\x00\x00\x1d\x00\x00\x40\x00\x40\x11\x00\x00\x01\x01\x01\x01\x08\x08\x04\x04\x9c\x40\x01\xbb\x00\x09\x00\x00"
      "x",
      29);
  core::NetworkEvent event = read_packet(v4);
  EXPECT_EQ(event.address, "8.8.4.4");
  EXPECT_EQ(event.port, 443);
  EXPECT_EQ(event.protocol, "udp");
  EXPECT_EQ(event.verdict, core::Verdict::deny);
}

TEST(RefusedPackets, ReadsNothingThatIsNotThere) {
  std::string v6("\x60\x00\x00\x00\x00\x08\x3a\x40", 8);
  v6.append(16, '\x01').append(16, '\x02');
  core::NetworkEvent event = read_packet(v6);
  EXPECT_EQ(event.protocol, "icmpv6");
  EXPECT_EQ(event.address, "202:202:202:202:202:202:202:202");
  for (size_t size = 0; size < v6.size(); ++size) EXPECT_EQ(read_packet(v6.substr(0, size)).address, "") << size;
  EXPECT_TRUE(read_refused_packets("garbage that is longer than one header").empty());
}

}  // namespace
}  // namespace hv::gateway
