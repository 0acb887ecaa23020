#include "gateway/resolver.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "gateway/socket_address.h"

namespace hv::gateway {
namespace {

// A name server on 127.0.0.1: name -> what to say for A and AAAA. Unknown names do not exist.
class NameServer {
 public:
  struct Says {
    std::string v4;  // four bytes each
    std::string v6;
    bool silent = false;
    bool fails = false;
    bool too_long = false;  // over UDP
  };
  std::map<std::string, Says> names;
  uint16_t port = 0;

  void start() {
    udp_ = bound(SOCK_DGRAM, 0);
    tcp_ = bound(SOCK_STREAM, port);
    ::listen(tcp_.get(), 8);
    thread_ = std::thread([this] { run(); });
  }
  ~NameServer() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int questions() const { return questions_; }

 private:
  base::Fd bound(int type, uint16_t at) {
    base::Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    SocketAddress address = to_socket_address(*core::parse_address("127.0.0.1"), at);
    EXPECT_EQ(::bind(socket.get(), address.get(), address.size), 0);
    socklen_t size = sizeof address.storage;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.storage), &size);
    port = port_of(address.storage);
    return socket;
  }
  std::string answer(std::string_view query, bool tcp) {
    ++questions_;
    size_t at = 12;
    auto name = network::DnsName::from_wire(query, at, network::DnsName::Pointers::refused);
    bool v6 = query[at + 1] == 28;
    std::string head(query.substr(0, 2));
    auto found = names.find(name->text());
    Says says = found == names.end() ? Says{} : found->second;
    if (says.silent) return {};
    const std::string& data = v6 ? says.v6 : says.v4;
    size_t size = v6 ? 16 : 4;
    bool cut = says.too_long && !tcp;
    size_t count = cut ? 0 : data.size() / size;
    char code = says.fails ? 2 : found == names.end() ? 3 : 0;
    head += {static_cast<char>(cut ? 0x83 : 0x81), static_cast<char>(0x80 | code)};
    head += {0, 1, 0, static_cast<char>(count), 0, 0, 0, 0};
    head += query.substr(12, at + 4 - 12);
    for (size_t i = 0; i < count; ++i) {
      head += std::string("\xc0\x0c\0", 3) + static_cast<char>(v6 ? 28 : 1) + std::string("\0\1\0\0\0\x3c\0", 7);
      head += static_cast<char>(size);
      head += data.substr(i * size, size);
    }
    return head;
  }
  void run() {
    while (!stop_) {
      std::array<pollfd, 2> ready{pollfd{udp_.get(), POLLIN, 0}, pollfd{tcp_.get(), POLLIN, 0}};
      ::poll(ready.data(), ready.size(), 20);
      std::array<char, 1500> buffer;
      if ((ready[0].revents & POLLIN) != 0) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        ssize_t count =
            ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        std::string text = answer({buffer.data(), static_cast<size_t>(count)}, false);
        if (!text.empty()) ::sendto(udp_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
      if ((ready[1].revents & POLLIN) != 0) {
        base::Fd client(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        ssize_t count = ::recv(client.get(), buffer.data(), buffer.size(), 0);
        if (count < 2) continue;
        std::string text = answer({buffer.data() + 2, static_cast<size_t>(count) - 2}, true);
        std::string sized{static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xff)};
        static_cast<void>(base::write_all(client.get(), sized + text));
      }
    }
  }
  base::Fd udp_;
  base::Fd tcp_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> questions_ = 0;
  std::thread thread_;
};

struct World {
  NameServer server;
  base::EventLoop loop = *base::EventLoop::create();
  base::Fd resolv_conf{::memfd_create("resolv.conf", MFD_CLOEXEC)};
  base::Fd hosts{::memfd_create("hosts", MFD_CLOEXEC)};
  std::unique_ptr<Resolver> resolver;

  void start(const std::string& resolv_text = "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n",
             const std::string& hosts_text = "") {
    server.start();
    static_cast<void>(base::write_all(resolv_conf.get(), resolv_text));
    static_cast<void>(base::write_all(hosts.get(), hosts_text));
    auto path = [](const base::Fd& file) { return "/proc/self/fd/" + std::to_string(file.get()); };
    resolver = std::make_unique<Resolver>(loop, Resolver::Files{path(resolv_conf), path(hosts), server.port});
  }
  std::string resolve(const std::string& name) {
    std::string text;
    bool done = false;
    resolver->resolve(name, [&](const base::Result<Resolver::Addresses>& addresses) {
      if (!addresses) text = addresses.error().message();
      if (addresses)
        for (const core::IpAddress& address : *addresses) text += address.text() + " ";
      done = true;
      loop.stop();
    });
    if (!done) EXPECT_TRUE(loop.run());
    return text;
  }
};

const std::string kFour("\x05\x05\x05\x05", 4);
const std::string kSix("\x2a\x0b\0\6\0\0\0\0\0\0\0\0\0\0\0\1", 16);

TEST(Resolver, GivesBothFamiliesInTurnIpv6First) {
  World world;
  world.server.names["example.org"] = {kFour + std::string("\x05\x05\x05\x06", 4), kSix};
  world.start();
  EXPECT_EQ(world.resolve("example.org"), "2a0b:6::1 5.5.5.5 5.5.5.6 ");
}

TEST(Resolver, RemembersAnswersForTheirTime) {
  World world;
  world.server.names["example.org"] = {kFour, kSix};
  world.start();
  world.resolve("example.org");
  int asked = world.server.questions();
  EXPECT_EQ(world.resolve("example.org"), "2a0b:6::1 5.5.5.5 ");
  EXPECT_EQ(world.server.questions(), asked);
}

TEST(Resolver, ReadsTheHostsFileBeforeItAsks) {
  World world;
  world.start("nameserver 127.0.0.1\n", "5.5.5.9 example.org\n");
  EXPECT_EQ(world.resolve("example.org"), "5.5.5.9 ");
  EXPECT_EQ(world.server.questions(), 0);
}

TEST(Resolver, ANameThatDoesNotExistIsToldSoAtOnce) {
  World world;
  world.start();
  auto before = std::chrono::steady_clock::now();
  EXPECT_NE(world.resolve("nowhere.example").find("no address for 'nowhere.example'"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(900));
}

TEST(Resolver, AsksAgainOverTcpWhatDidNotFit) {
  World world;
  world.server.names["long.example"] = {kFour, kSix, false, false, true};
  world.start();
  EXPECT_EQ(world.resolve("long.example"), "2a0b:6::1 5.5.5.5 ");
}

TEST(Resolver, ASilentServerIsGivenUp) {
  World world;
  world.server.names["silent.example"] = {{}, {}, true};
  world.start("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
  EXPECT_NE(world.resolve("silent.example").find("do not answer"), std::string::npos);
}

TEST(Resolver, SearchesTheHostsDomains) {
  World world;
  world.server.names["git.corp.example"] = {kFour, {}};
  world.start("nameserver 127.0.0.1\nsearch corp.example\n");
  EXPECT_EQ(world.resolve("git"), "5.5.5.5 ");
}

}  // namespace
}  // namespace hv::gateway
