#include "isolation/egress_net.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "isolation/in_child.h"
#include "isolation/loopback.h"
#include "isolation/namespaces.h"

namespace hv::isolation {
namespace {

constexpr int kNoNamespace = 77;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address address(const char* text, uint16_t port) {
  Address made;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
  if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    made.size = sizeof *v4;
  } else {
    ::inet_pton(AF_INET6, text, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    made.size = sizeof *v6;
  }
  return made;
}

std::string text_of(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

base::Fd connect_to(const char* host, uint16_t port) {
  Address to = address(host, port);
  base::Fd socket(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), to.get(), to.size) == 0 ? std::move(socket) : base::Fd();
}

// Accepts on whichever of these sockets has a connection, and says where it was going.
std::string arrived(const EgressNet& net, GatewaySocket use) {
  for (const OpenedSocket& opened : net.sockets) {
    if (opened.use != use) continue;
    base::Fd connection(::accept4(opened.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) continue;
    auto destination = original_destination(connection.get());
    return destination ? text_of(*destination) : destination.error().message();
  }
  return "nothing";
}

int send_datagram(const char* host, uint16_t port) {
  Address to = address(host, port);
  base::Fd socket(::socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::sendto(socket.get(), "x", 1, 0, to.get(), to.size) == 1) return 0;
  return errno;
}

bool readable(int fd, int milliseconds) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, milliseconds) == 1;
}

// `body` in a user and network namespace of its own, as a sandbox's child is.
template <typename F>
int in_namespace(F body) {
  return in_child([&] {
    if (!enter_own_user_namespace(::getuid(), ::getgid()) || ::unshare(CLONE_NEWNET) != 0) return kNoNamespace;
    if (!bring_up_loopback()) return 78;
    return body();
  });
}

template <typename F>
int in_egress_net(F body) {
  return in_namespace([&] {
    auto net = set_up_egress_net();
    if (!net) {
      std::fprintf(stderr, "%s\n", net.error().text().c_str());
      return 79;
    }
    return body(*net);
  });
}

#define EXPECT_IN_NAMESPACE(call)                                                 \
  do {                                                                            \
    int ended = (call);                                                           \
    if (ended == kNoNamespace) GTEST_SKIP() << "this machine forbids namespaces"; \
    EXPECT_EQ(ended, 0);                                                          \
  } while (false)

TEST(EgressNet, EveryConnectionArrivesWithItsDestination) {
  EXPECT_IN_NAMESPACE(in_egress_net([](const EgressNet& net) {
    base::Fd v4 = connect_to("1.2.3.4", 80);
    if (!v4 || arrived(net, GatewaySocket::redirect) != "1.2.3.4:80") return 1;
    base::Fd v6 = connect_to("2001:db8::1", 443);
    if (!v6 || arrived(net, GatewaySocket::redirect) != "[2001:db8::1]:443") return 2;
    base::Fd mapped = connect_to("::ffff:9.9.9.9", 8443);
    if (!mapped || arrived(net, GatewaySocket::redirect) != "9.9.9.9:8443") return 3;
    base::Fd metadata = connect_to("169.254.169.254", 80);
    if (!metadata || arrived(net, GatewaySocket::redirect) != "169.254.169.254:80") return 4;
    return 0;
  }));
}

TEST(EgressNet, WithoutTheRulesNothingArrivesAndNothingLeaves) {
  EXPECT_IN_NAMESPACE(in_namespace([] {
    if (connect_to("1.2.3.4", 80)) return 1;
    if (!make_every_address_local()) return 2;
    // Local, but nobody listens.
    if (connect_to("1.2.3.4", 80)) return 3;
    return errno == ECONNREFUSED ? 0 : 4;
  }));
}

TEST(EgressNet, LeavesLoopbackToTheProgramsInside) {
  EXPECT_IN_NAMESPACE(in_egress_net([](const EgressNet& net) {
    auto servers = listen_on_loopback({8000});
    if (!servers) return 1;
    for (const char* host : {"127.0.0.1", "::1"}) {
      base::Fd connection = connect_to(host, 8000);
      if (!connection) return 2;
    }
    if (connect_to("127.0.0.1", 8001) || errno != ECONNREFUSED) return 3;
    if (arrived(net, GatewaySocket::redirect) != "nothing") return 4;
    // A datagram to a local program too.
    if (send_datagram("127.0.0.1", 8125) != 0) return 5;
    return 0;
  }));
}

TEST(EgressNet, QuestionsToAnyServerReachOurs) {
  EXPECT_IN_NAMESPACE(in_egress_net([](const EgressNet& net) {
    if (send_datagram("8.8.8.8", 53) != 0 || send_datagram("2001:db8::53", 53) != 0) return 1;
    int questions = 0;
    for (const OpenedSocket& opened : net.sockets)
      if (opened.use == GatewaySocket::dns_datagram && readable(opened.socket.get(), 1000)) ++questions;
    if (questions != 2) return 2;
    base::Fd stream = connect_to("8.8.4.4", 53);
    if (!stream || arrived(net, GatewaySocket::dns_stream).find("8.8.4.4:53") != 0) return 3;
    return 0;
  }));
}

TEST(EgressNet, AnAnswerComesFromTheAddressThatWasAsked) {
  EXPECT_IN_NAMESPACE(in_egress_net([](const EgressNet& net) {
    Address server = address("8.8.8.8", 53);
    base::Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), server.get(), server.size) != 0 || ::send(client.get(), "q", 1, 0) != 1) return 1;
    auto ours = std::ranges::find(net.sockets, GatewaySocket::dns_datagram, &OpenedSocket::use);
    std::array<char, 16> text{};
    alignas(cmsghdr) std::array<char, 256> control{};
    sockaddr_storage from{};
    iovec part{text.data(), text.size()};
    msghdr message{&from, sizeof from, &part, 1, control.data(), control.size(), 0};
    if (::recvmsg(ours->socket.get(), &message, 0) != 1) return 2;
    // What came as packet information goes back as it came.
    part.iov_len = 1;
    if (::sendmsg(ours->socket.get(), &message, 0) != 1) return 3;
    return readable(client.get(), 1000) && ::recv(client.get(), text.data(), 1, 0) == 1 ? 0 : 4;
  }));
}

TEST(EgressNet, RefusesEveryOtherDatagramAtOnceAndTellsOfIt) {
  EXPECT_IN_NAMESPACE(in_egress_net([](const EgressNet& net) {
    if (!net.refusals_are_told_of) return 1;
    if (send_datagram("1.1.1.1", 443) != EPERM || send_datagram("2606:4700::1111", 123) != EPERM) return 2;
    auto told = std::ranges::find(net.sockets, GatewaySocket::refused, &OpenedSocket::use);
    if (told == net.sockets.end() || !readable(told->socket.get(), 2000)) return 3;
    return 0;
  }));
}

TEST(EgressNet, DropsEcho) {
  EXPECT_IN_NAMESPACE(in_egress_net([](const EgressNet& net) {
    // As a privileged program inside would, which no agent is.
    base::Fd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
    if (!raw) return 1;
    const std::array<unsigned char, 8> echo{8, 0, 0xf7, 0xff, 0, 0, 0, 0};
    Address to = address("8.8.8.8", 0);
    if (::sendto(raw.get(), echo.data(), echo.size(), 0, to.get(), to.size) > 0 || errno != EPERM) return 2;
    auto told = std::ranges::find(net.sockets, GatewaySocket::refused, &OpenedSocket::use);
    return readable(told->socket.get(), 2000) ? 0 : 3;
  }));
}

TEST(EgressNet, IsRefusedWithoutTheRightToMakeIt) {
  int code = in_namespace([] {
    // A namespace that belongs to nobody here: the same as a kernel that says no.
    if (::unshare(CLONE_NEWUSER) != 0) return kNoNamespace;
    return set_up_egress_net() ? 1 : 0;
  });
  EXPECT_IN_NAMESPACE(code);
}

TEST(EgressNet, IsMadeWithoutWaiting) {
  EXPECT_IN_NAMESPACE(in_namespace([] {
    auto before = std::chrono::steady_clock::now();
    auto net = set_up_egress_net();
    auto took = std::chrono::steady_clock::now() - before;
    std::printf("the namespace took %lld microseconds\n",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    std::fflush(stdout);
    // A wide bound: the machine may be busy.
    return net && took < std::chrono::milliseconds(50) ? 0 : 1;
  }));
}

}  // namespace
}  // namespace hv::isolation
