// One question to one server outside: over UDP, and again over TCP when the answer did not fit.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"
#include "gateway/resolver_config.h"
#include "network/dns_reply.h"

namespace hv::gateway {

class DnsExchange {
 public:
  using Done = std::function<void(base::Result<network::DnsReply> reply)>;
  static constexpr uint16_t kPort = 53;

  // `done` runs once, never within start(); not at all when the exchange is destroyed before.
  static std::unique_ptr<DnsExchange> start(base::EventLoop& loop, const NameServer& server, uint16_t port,
                                            network::DnsQuestion question, std::chrono::milliseconds timeout,
                                            Done done);
  ~DnsExchange();
  DnsExchange(const DnsExchange&) = delete;
  DnsExchange& operator=(const DnsExchange&) = delete;

 private:
  DnsExchange(base::EventLoop& loop, network::DnsQuestion question, Done done)
      : loop_(loop), question_(std::move(question)), done_(std::move(done)) {}
  base::Status open(int type);
  void on_datagram();
  void on_stream(uint32_t events);
  void finish(base::Result<network::DnsReply> reply);

  base::EventLoop& loop_;
  NameServer server_;
  uint16_t port_ = kPort;
  network::DnsQuestion question_;
  Done done_;
  base::Fd socket_;
  base::EventLoop::TimerId timer_ = 0;
  std::string out_;  // over TCP: what has not been sent
  std::string in_;
};

}  // namespace hv::gateway
