#include "gateway/dialer.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "gateway/socket_address.h"

namespace hv::gateway {
namespace {

core::IpAddress ip(const char* text) {
  return *core::parse_address(text);
}

// Listens on 127.0.0.x; with a backlog that is full it answers no one.
struct Server {
  base::Fd listener;
  std::vector<base::Fd> fillers;
  uint16_t port = 0;
  explicit Server(const char* address, uint16_t at = 0, bool silent = false) {
    SocketAddress where = to_socket_address(ip(address), at);
    listener = base::Fd(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    EXPECT_EQ(::bind(listener.get(), where.get(), where.size), 0);
    EXPECT_EQ(::listen(listener.get(), silent ? 0 : 16), 0);
    SocketAddress bound;
    bound.size = sizeof bound.storage;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
    port = port_of(bound.storage);
    for (int i = 0; silent && i < 4; ++i) {
      fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(fillers.back().get(), bound.get(), bound.size);
    }
  }
};

struct Outcome {
  std::string address;
  int error = 0;
  std::chrono::milliseconds took{};
};

Outcome dial(std::vector<core::IpAddress> addresses, uint16_t port, Dial::Times times = Dial::Times()) {
  base::EventLoop loop = *base::EventLoop::create();
  Outcome outcome;
  auto before = std::chrono::steady_clock::now();
  auto running = Dial::start(
      loop, std::move(addresses), port,
      [&](base::Result<Dialled> dialled) {
        if (dialled) {
          outcome.address = dialled->address.text();
        } else {
          outcome.error = dialled.error().os_error();
        }
        loop.stop();
      },
      times);
  EXPECT_TRUE(loop.run());
  outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - before);
  return outcome;
}

TEST(Dial, TakesTheFirstThatAnswers) {
  Server server("127.0.0.1");
  EXPECT_EQ(dial({ip("127.0.0.1"), ip("127.0.0.2")}, server.port).address, "127.0.0.1");
}

TEST(Dial, GoesOnAtOnceWhenAnAddressRefuses) {
  Server server("127.0.0.3");
  Outcome outcome = dial({ip("::1"), ip("127.0.0.2"), ip("127.0.0.3")}, server.port);
  EXPECT_EQ(outcome.address, "127.0.0.3");
  EXPECT_LT(outcome.took, std::chrono::milliseconds(200));
}

TEST(Dial, DoesNotWaitForASilentAddress) {
  Server silent("127.0.0.4", 0, true);
  Server server("127.0.0.5", silent.port);
  Outcome outcome = dial({ip("127.0.0.4"), ip("127.0.0.5")}, server.port);
  EXPECT_EQ(outcome.address, "127.0.0.5");
  EXPECT_GE(outcome.took, std::chrono::milliseconds(240));
  EXPECT_LT(outcome.took, std::chrono::milliseconds(2000));
}

TEST(Dial, GivesUpWhenTimeIsUp) {
  Server silent("127.0.0.6", 0, true);
  Outcome outcome =
      dial({ip("127.0.0.6")}, silent.port, {std::chrono::milliseconds(50), std::chrono::milliseconds(100)});
  EXPECT_EQ(outcome.error, ETIMEDOUT);
}

TEST(Dial, TellsWhyTheLastAddressFailed) {
  uint16_t nobody = Server("127.0.0.7").port;
  EXPECT_EQ(dial({ip("127.0.0.7")}, nobody).error, ECONNREFUSED);
  EXPECT_NE(dial({}, 80).error, 0);
}

}  // namespace
}  // namespace hv::gateway
