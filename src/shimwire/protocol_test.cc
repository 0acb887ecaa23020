#include "shimwire/protocol.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unix_socket.h"
#include "shimwire/channel.h"
#include "shimwire/launch_codec.h"

namespace hv::shimwire {
namespace {

core::LaunchSpec example() {
  core::LaunchSpec spec;
  spec.id = "s0123456789abcdef";
  spec.ground.uid = 1000;
  spec.ground.uid_map = {{0, 100000, 1000}, {1000, 1000, 1}};
  spec.ground.skipped_layers = 5;
  spec.ground.egress = true;
  spec.ground.mounts = {{core::Mount::Kind::bind, "/usr", "/usr", false, true, false, {}, {}, 0}};
  spec.mounts = {{core::Mount::Kind::overlay, "/home/u/p", "/home/u/p", true, true, false, {}, "/state/ws", 0},
                 {core::Mount::Kind::file, {}, "/etc/hostname", false, false, false, "web\n", {}, 0}};
  spec.limits = {1 << 30, 512, 1500};
  spec.denied_calls = {101, 319};
  spec.restrict_exec = true;
  spec.executable = {"/usr/bin"};
  spec.seccomp_program = std::string("\x01\x00\x02", 3);
  spec.host_ports = {8080, 11434};
  spec.command = {{"sh", "-c", "exit 3"}, {"A=b", "C="}, "/home/u/p", true, 24, 80, 027, {{7, 1024, 4096}}};
  spec.keep_alive = true;
  spec.audit = {false, true, false, {"ACME_*"}, {"acme-[0-9a-f]{8}"}, 86'400'000};
  return spec;
}

TEST(LaunchCodec, CarriesASpecUnchanged) {
  EXPECT_EQ(*decode_launch_spec(encode(example())), example());
}

TEST(LaunchCodec, RefusesEveryTruncationAndTrailingBytes) {
  std::string bytes = encode(example());
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode_launch_spec(std::string_view(bytes).substr(0, length))) << length;
  EXPECT_FALSE(decode_launch_spec(bytes + "x"));
}

TEST(LaunchCodec, RefusesAKindOfMountThatDoesNotExist) {
  core::LaunchSpec spec = example();
  spec.mounts.resize(1);
  std::string bytes = encode(spec);
  // The kind stands before the length and the text of the mount's source.
  size_t kind = bytes.find("/home/u/p") - sizeof(uint32_t) - 1;
  ASSERT_EQ(bytes[kind], static_cast<char>(core::Mount::Kind::overlay));
  bytes[kind] = static_cast<char>(core::Mount::Kind::cover);
  EXPECT_TRUE(decode_launch_spec(bytes));
  bytes[kind] = static_cast<char>(core::Mount::Kind::cover) + 1;
  EXPECT_FALSE(decode_launch_spec(bytes));
}

TEST(LaunchCodec, ALyingLengthAllocatesNothing) {
  Writer writer;
  writer.u32(0xffffffffu);
  EXPECT_FALSE(decode<Launched>(writer.take()));
}

TEST(Protocol, WhatMayComeFromAnotherVersionBeginsWithItsNumber) {
  Launched launched;
  launched.protocol = 7;
  EXPECT_EQ(protocol_of(encode(launched)), 7u);
  LaunchRequest request;
  EXPECT_EQ(protocol_of(encode(request)), kProtocol);
  EXPECT_EQ(protocol_of("abc"), 0u);
}

TEST(Protocol, CarriesAnOutcome) {
  Ended ended{{core::Outcome::Kind::signalled, 11, "segmentation fault"}, true, 42, true};
  Ended back = *decode<Ended>(encode(ended));
  EXPECT_EQ(back.outcome.kind, core::Outcome::Kind::signalled);
  EXPECT_EQ(back.outcome.code, 11);
  EXPECT_TRUE(back.workspace_changed);
  EXPECT_EQ(back.last_sequence, 42u);
  std::string bytes = encode(ended);
  bytes[0] = 99;
  EXPECT_FALSE(decode<Ended>(bytes));
}

TEST(Channel, CarriesBodiesOfAnyLengthWithTheirDescriptors) {
  base::SocketPair pair = *base::make_socket_pair(SOCK_SEQPACKET);
  base::Pipe pipe = *base::make_pipe();
  for (size_t size : {size_t{0}, size_t{10}, size_t{96 * 1024}, size_t{2} << 20}) {
    std::string body(size, 'x');
    ASSERT_TRUE(send_packet(pair.first.get(), 7, body, {pipe.write_end.get()}));
    base::Result<Packet> packet = receive_packet(pair.second.get());
    ASSERT_TRUE(packet) << packet.error().message();
    EXPECT_EQ(packet->type, 7);
    EXPECT_EQ(packet->body, body);
    EXPECT_EQ(packet->fds.size(), 1u);
  }
  pair.first.close();
  base::Result<Packet> closed = receive_packet(pair.second.get());
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code(), base::ErrorCode::not_found);
}

}  // namespace
}  // namespace hv::shimwire
