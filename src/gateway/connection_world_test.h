// For the tests of connections: each lives in a network namespace of its own in which every address is local, so there
// are servers on public addresses without anybody outside.
#pragma once

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/egress_text.h"
#include "gateway/connection.h"
#include "gateway/socket_address.h"
#include "isolation/egress_net.h"
#include "isolation/in_child.h"
#include "isolation/loopback.h"
#include "isolation/namespaces.h"

namespace hv::gateway::testing_world {

constexpr int kNoNamespace = 77;

inline core::IpAddress ip(const char* text) {
  return *core::parse_address(text);
}

inline base::Fd file_of(const std::string& text) {
  base::Fd file(::memfd_create("test", MFD_CLOEXEC));
  if (!base::write_all(file.get(), text)) ::abort();
  return file;
}

// Answers each connection to a port with `reply`, once `wanted` bytes have come, and remembers what came.
class Server {
 public:
  Server(uint16_t port, size_t wanted, std::string reply, bool close = true)
      : wanted_(wanted), reply_(std::move(reply)), close_(close) {
    listener_ = base::Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SocketAddress any = to_socket_address(ip("::"), port);
    if (::bind(listener_.get(), any.get(), any.size) != 0 || ::listen(listener_.get(), 16) != 0) ::abort();
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string seen() {
    for (int i = 0; i < 200 && !done_; ++i) ::poll(nullptr, 0, 5);
    return seen_;
  }
  bool has_answered() const { return done_; }
  // Nothing has come, nor does it within the time that a byte takes on this machine.
  bool untouched() {
    ::poll(nullptr, 0, 20);
    return !connected_;
  }

 private:
  void run() {
    base::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    connected_ = true;
    char buffer[4096];
    while (seen_.size() < wanted_) {
      ssize_t count = ::recv(socket.get(), buffer, sizeof buffer, 0);
      if (count <= 0) break;
      seen_.append(buffer, static_cast<size_t>(count));
    }
    static_cast<void>(base::write_all(socket.get(), reply_));
    done_ = true;
    // An end in order: closing with something unread would be a reset.
    if (close_) ::shutdown(socket.get(), SHUT_WR);
    timeval patience{2, 0};
    if (close_) ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (::recv(socket.get(), buffer, sizeof buffer, 0) > 0) {
    }
  }
  size_t wanted_;
  std::string reply_;
  bool close_;
  base::Fd listener_;
  std::string seen_;
  std::atomic<bool> connected_ = false;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

struct World : Recorder {
  void opened(uint64_t, const core::Flow&) override {}
  base::EventLoop loop = *base::EventLoop::create();
  RateBound rate{loop};
  base::Fd hosts;
  Resolver resolver;
  std::unique_ptr<Surroundings> around;
  Connection::Times times;
  std::vector<std::string> log;
  bool records = true;
  std::chrono::milliseconds hearing{0};           // until the supervisor has read what it was told
  std::vector<std::function<void()>> unrecorded;  // what waits while nothing is recorded
  std::shared_ptr<Connection> connection;
  std::function<void()> each_tick = [] {};

  World(const std::vector<std::string>& rules, const std::string& hosts_text, std::vector<std::string> environment = {})
      : hosts(file_of(hosts_text)), resolver(loop, {"/nonexistent", "/proc/self/fd/" + std::to_string(hosts.get())}) {
    core::EgressPolicy policy;
    for (std::string rule : rules) {
      bool private_addresses = rule.starts_with('+');
      bool ask = rule.starts_with('?');
      if (private_addresses || ask) rule.erase(0, 1);
      policy.rules.push_back(*core::parse_rule(rule));
      policy.rules.back().private_addresses = private_addresses;
      if (ask) policy.rules.back().verdict = core::Verdict::ask;
    }
    network::AddressMap::Options options;
    options.sandbox_id = "s0123456789abcdef";
    around.reset(new Surroundings{loop,
                                  rate,
                                  *this,
                                  resolver,
                                  "web",
                                  std::move(policy),
                                  *network::AddressMap::open(file_of(""), options, [] { return uint64_t{1}; }),
                                  *ProxySettings::from_environment(environment),
                                  {},
                                  Folder([this](const core::NetworkEvent& event) { told(event); })});
  }
  static std::string text(const core::NetworkEvent& event) {
    std::string line(core::name_of(event.kind));
    line += " " + (event.name.empty() ? event.address : event.name) + ":" + std::to_string(event.port);
    if (!event.path.empty()) line += " " + event.method + " " + event.path;
    return line + " " + std::string(core::name_of(event.verdict));
  }
  void before(const core::NetworkEvent& event, std::function<void()> then) override {
    log.push_back("before " + text(event));
    if (!records) return unrecorded.push_back(std::move(then));
    loop.after(std::chrono::seconds(0), std::move(then));
  }
  void told(const core::NetworkEvent& event) override {
    log.push_back("told " + text(event) + (event.error.empty() ? "" : " (" + event.error + ")"));
  }
  void when_heard(std::function<void()> then) override { loop.after(hearing, std::move(then)); }
  core::IpAddress address_of_name(const std::string& name) { return around->names.addresses_of(name)->v4; }

  // What a client gets that says `words` one after the other, each once something has come back, on a connection to
  // this destination; "RESET" at the end where it was reset.
  std::string talk(const core::IpAddress& to, uint16_t port, std::vector<std::string> words, bool proxied = false,
                   std::chrono::milliseconds limit = std::chrono::milliseconds(3000)) {
    base::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SocketAddress address = to_socket_address(ip("127.0.0.1"), 0);
    if (::bind(listener.get(), address.get(), address.size) != 0 || ::listen(listener.get(), 1) != 0) ::abort();
    socklen_t size = sizeof address.storage;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address.storage), &size);
    base::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), address.get(), address.size) != 0) ::abort();
    base::Fd inside(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    connection = std::make_shared<Connection>(*around, 1, std::move(inside), times, [this](uint64_t) {
      loop.after(std::chrono::seconds(0), [this] { connection.reset(); });
    });
    std::string got;
    std::atomic<bool> done = false;
    std::thread thread([&] {
      char buffer[4096];
      for (size_t i = 0; i <= words.size(); ++i) {
        if (i < words.size() && ::send(client.get(), words[i].data(), words[i].size(), MSG_NOSIGNAL) < 0) {
          got += "RESET";
          break;
        }
        ssize_t count = 0;
        do {
          count = ::recv(client.get(), buffer, sizeof buffer, 0);
          if (count > 0) got.append(buffer, static_cast<size_t>(count));
        } while (count > 0 && i + 1 >= words.size());
        if (count < 0) got += "RESET";
        if (count <= 0) break;
      }
      client.close();
      done = true;
    });
    auto end = std::chrono::steady_clock::now() + limit;
    std::function<void()> tick = [&] {
      each_tick();
      if (connection) connection->sweep(Connection::Clock::now());
      if ((done && !connection) || std::chrono::steady_clock::now() > end) return loop.stop();
      loop.after(std::chrono::milliseconds(5), tick);
    };
    if (proxied) {
      connection->start_proxied();
    } else {
      connection->start_redirected(to, port);
    }
    tick();
    if (!loop.run()) ::abort();
    if (!done) ::shutdown(client.get(), SHUT_RDWR);
    thread.join();
    return got;
  }
};

// 0 when every claim held; a claim that did not is printed by the child.
inline int failures = 0;
inline void claim(bool holds, const char* what, const std::string& detail = {}) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "not so: %s [%s]\n", what, detail.c_str());
}
#define CLAIM(condition, detail) claim((condition), #condition, (detail))

template <typename F>
int in_public_net(F body) {
  return isolation::in_child([&] {
    ::signal(SIGPIPE, SIG_IGN);
    if (!isolation::enter_own_user_namespace(::getuid(), ::getgid()) || ::unshare(CLONE_NEWNET) != 0)
      return kNoNamespace;
    if (!isolation::bring_up_loopback() || !isolation::make_every_address_local()) return 78;
    body();
    return failures == 0 ? 0 : 1;
  });
}

#define EXPECT_IN_NET(call)                                                       \
  do {                                                                            \
    int ended = (call);                                                           \
    if (ended == kNoNamespace) GTEST_SKIP() << "this machine forbids namespaces"; \
    EXPECT_EQ(ended, 0);                                                          \
  } while (false)

inline std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "; ";
  return all;
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline std::string get(const std::string& host, const std::string& path = "/",
                       const std::string& more = "Connection: close\r\n") {
  return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n";
}

inline const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// A TLS 1.2 hello with this server name, or none.
inline std::string hello(const std::string& name) {
  auto sized = [](const std::string& text, int bytes) {
    std::string length;
    for (int i = bytes - 1; i >= 0; --i) length += static_cast<char>(text.size() >> (8 * i) & 0xff);
    return length + text;
  };
  std::string extensions;
  if (!name.empty()) extensions += std::string("\0\0", 2) + sized(sized(std::string(1, '\0') + sized(name, 2), 2), 2);
  std::string body = "\x03\x03" + std::string(32, 'r') + std::string(1, '\0') + sized("\x13\x01", 2) +
                     sized(std::string(1, '\0'), 1) + sized(extensions, 2);
  return "\x16\x03\x01" + sized("\x01" + sized(body, 3), 2);
}

}  // namespace hv::gateway::testing_world
