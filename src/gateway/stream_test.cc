#include "gateway/stream.h"

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hv::gateway {
namespace {

// Two ends of a TCP connection over loopback: one of the program under test, one of a stranger.
struct Wire {
  Stream ours;
  base::Fd theirs;
  Wire() {
    base::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), generic, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), generic, &size), 0);
    theirs = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(theirs.get(), generic, size), 0);
    ours = Stream(base::Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
    EXPECT_TRUE(base::set_nonblocking(theirs.get(), true));
  }
  // As much of `text` as fits without anybody reading.
  size_t say(std::string_view text) const {
    ssize_t count = ::send(theirs.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return count < 0 ? 0 : static_cast<size_t>(count);
  }
  std::string hear() const {
    std::string got(1 << 20, '\0');
    ssize_t count = ::recv(theirs.get(), got.data(), got.size(), 0);
    got.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return got;
  }
};

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761U >> 13);
  return text;
}

TEST(Stream, SplicesEveryByteInItsOrderHoweverSlowlyTheOtherSideReads) {
  Wire from;
  Wire to;
  const std::string text = pattern(20 << 20);
  size_t said = 0;
  std::string got;
  bool waited = false;
  for (int idle = 0; got.size() < text.size() && idle < 10'000;) {
    said += from.say(std::string_view(text).substr(said));
    size_t before = got.size();
    if (to.ours.waiting() == 0) {
      size_t bytes = 0;
      ASSERT_NE(from.ours.splice_to(to.ours, bytes), Stream::Got::broken);
      // Only what comes at once in quantity is worth it.
      if (bytes != 0) EXPECT_EQ(from.ours.is_bulk(), bytes >= Stream::kBuffer / 4);
    } else {
      waited = true;
      got += to.hear();
      ASSERT_TRUE(to.ours.flush());
    }
    if (said == text.size()) got += to.hear();
    idle = got.size() == before ? idle + 1 : 0;
  }
  EXPECT_TRUE(waited) << "nothing was ever kept back";
  EXPECT_TRUE(got == text);
  EXPECT_EQ(from.ours.received(), text.size());
  EXPECT_EQ(to.ours.sent(), text.size());
}

TEST(Stream, LeavesNothingOfABrokenConnectionToTheNext) {
  ::signal(SIGPIPE, SIG_IGN);
  Wire from;
  Wire broken;
  linger now{1, 0};
  ::setsockopt(broken.theirs.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  broken.theirs.close();
  ASSERT_GT(from.say(std::string(100'000, 'a')), 0U);
  size_t bytes = 0;
  EXPECT_EQ(from.ours.splice_to(broken.ours, bytes), Stream::Got::broken);
  EXPECT_NE(broken.ours.error(), 0);

  Wire second;
  Wire to;
  ASSERT_EQ(second.say("second"), 6U);
  EXPECT_EQ(second.ours.splice_to(to.ours, bytes), Stream::Got::bytes);
  EXPECT_EQ(bytes, 6U);
  EXPECT_EQ(to.hear(), "second");
}

TEST(Stream, TellsOfAnEndAndOfNothing) {
  Wire from;
  Wire to;
  size_t bytes = 1;
  EXPECT_EQ(from.ours.splice_to(to.ours, bytes), Stream::Got::nothing);
  EXPECT_EQ(bytes, 0U);
  ::shutdown(from.theirs.get(), SHUT_WR);
  EXPECT_EQ(from.ours.splice_to(to.ours, bytes), Stream::Got::end);
  EXPECT_TRUE(from.ours.ended());
}

}  // namespace
}  // namespace hv::gateway
