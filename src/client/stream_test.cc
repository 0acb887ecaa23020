#include "client/stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/unix_socket.h"
#include "wire/problem.h"

namespace hv::client {
namespace {

struct Ends {
  base::Fd other;
  Stream stream;
};

Ends make(std::string_view buffered = {}) {
  base::SocketPair pair = *base::make_socket_pair(SOCK_STREAM);
  return {std::move(pair.second), Stream(std::move(pair.first), "web", buffered)};
}

std::string frame(wire::FrameType type, std::string_view payload) {
  std::string out;
  wire::append_frame(out, type, payload);
  return out;
}

TEST(Stream, BeginsWithWhatCameWithTheAnswer) {
  std::string bytes = frame(wire::FrameType::standard_output, "early");
  Ends ends = make(bytes.substr(0, 7));
  ASSERT_TRUE(base::write_all(ends.other.get(), bytes.substr(7)));
  auto frame_read = ends.stream.wait_frame();
  ASSERT_TRUE(frame_read && *frame_read);
  EXPECT_EQ((*frame_read)->payload, "early");
}

TEST(Stream, NeverBlocksOnInputThatIsNotRead) {
  Ends ends = make();
  std::string chunk(256 * 1024, 'x');
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(ends.stream.send_input(chunk));
  EXPECT_TRUE(ends.stream.pending());
  EXPECT_EQ(ends.stream.events(), POLLIN | POLLOUT);
  // Output still arrives.
  ASSERT_TRUE(base::write_all(ends.other.get(), frame(wire::FrameType::standard_output, "out")));
  EXPECT_EQ((*ends.stream.wait_frame())->payload, "out");
}

TEST(Stream, LetsInputForAnEndedCommandGo) {
  Ends ends = make();
  ASSERT_TRUE(base::write_all(ends.other.get(), frame(wire::FrameType::exit, wire::encode_exit({3, false}))));
  ends.other.close();
  EXPECT_TRUE(ends.stream.send_input("nobody reads this"));
  EXPECT_FALSE(ends.stream.pending());
  EXPECT_EQ((*ends.stream.wait_frame())->type, wire::FrameType::exit);
  EXPECT_FALSE(*ends.stream.wait_frame());
}

TEST(Stream, TellsThatItBrokeOff) {
  Ends ends = make();
  ASSERT_TRUE(base::write_all(ends.other.get(), frame(wire::FrameType::standard_output, "whole").substr(0, 7)));
  ends.other.close();
  EXPECT_EQ(ends.stream.wait_frame().error().code(), base::ErrorCode::unavailable);
}

TEST(Stream, CarriesErrorsWithCodeAndHint) {
  base::Error error = stream_error(wire::problem_text(base::not_found("command not found: x").with_hint("install it")));
  EXPECT_EQ(error.code(), base::ErrorCode::not_found);
  EXPECT_EQ(error.text(), "command not found: x (install it)");
}

}  // namespace
}  // namespace hv::client
