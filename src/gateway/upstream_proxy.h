// The host's own way out, where it has one: an HTTP proxy by CONNECT or SOCKS5 (RFC 1928, 1929), as the usual variables
// of the user's environment name it. The proxy resolves names, so what it dials is not checked here; SECURITY says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/host_name.h"

namespace hv::gateway {

struct UpstreamProxy {
  enum class Kind { http, socks5 };
  Kind kind = Kind::http;
  core::Host host;
  uint16_t port = 0;
  std::string user;
  std::string password;
  bool operator==(const UpstreamProxy&) const = default;
};

class ProxySettings {
 public:
  // "K=V" of http_proxy, https_proxy, all_proxy, no_proxy; lower case wins over upper case. (Whether HTTP_PROXY is the
  // user's own is for the caller to know.) invalid_argument for one
  // that cannot be used: going out directly instead would surprise.
  static base::Result<ProxySettings> from_environment(const std::vector<std::string>& environment);
  // The proxy to reach `host` through; null: directly.
  const UpstreamProxy* choose(const core::Host& host, uint16_t port) const;

 private:
  bool is_excepted(const core::Host& host, uint16_t port) const;
  std::optional<UpstreamProxy> http_;
  std::optional<UpstreamProxy> https_;
  std::vector<std::string> exceptions_;
};

// What is said to the proxy before the connection through it can be used.
class ProxyHandshake {
 public:
  enum class State { need_more, ready, failed };
  ProxyHandshake(const UpstreamProxy& proxy, const core::Host& host, uint16_t port);

  // To be sent now; empty when there is nothing.
  std::string take_output() { return std::exchange(output_, {}); }
  // Returns how many of `bytes` were the proxy's own: after `ready` the rest is the server's.
  size_t feed(std::string_view bytes);
  State state() const { return state_; }
  const std::string& reason() const { return reason_; }

 private:
  enum class Step { connect, method, password, request };
  void fail(std::string reason);
  void on_connect();
  void on_socks();
  void send_socks_request();

  UpstreamProxy proxy_;
  core::Host host_;
  uint16_t port_;
  Step step_ = Step::connect;
  State state_ = State::need_more;
  std::string input_;
  std::string output_;
  size_t used_ = 0;
  std::string reason_;
};

}  // namespace hv::gateway
