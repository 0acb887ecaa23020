#include "gateway/upstream_proxy.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "network/http_response.h"

namespace hv::gateway {

namespace {

using base::Failure;
using base::Result;

void lower(std::string& text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
}

std::string unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    Result<std::string> byte = text[i] == '%' ? base::from_hex(text.substr(i + 1, 2)) : "";
    if (byte && byte->size() == 1) {
      plain += *byte;
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

Result<UpstreamProxy> parse_proxy(const std::string& variable, std::string_view text) {
  auto fault = [&](std::string_view what) {
    return Failure(base::invalid_argument("the host's " + variable + ": " + std::string(what))
                       .with_hint("give it as http://HOST:PORT or socks5h://HOST:PORT, or unset it"));
  };
  UpstreamProxy proxy;
  uint16_t default_port = 80;
  if (size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    std::string_view name = text.substr(0, scheme);
    if (name == "socks5" || name == "socks5h" || name == "socks") {
      proxy.kind = UpstreamProxy::Kind::socks5;
      default_port = 1080;
    } else if (name != "http") {
      return fault("a proxy of this kind is not supported: " + base::printable(name));
    }
    text.remove_prefix(scheme + 3);
  }
  text = text.substr(0, text.find('/'));
  if (size_t at = text.rfind('@'); at != std::string_view::npos) {
    std::string_view login = text.substr(0, at);
    size_t colon = login.find(':');
    proxy.user = unescaped(login.substr(0, colon));
    if (colon != std::string_view::npos) proxy.password = unescaped(login.substr(colon + 1));
    text.remove_prefix(at + 1);
  }
  auto where = core::parse_host_port(text, default_port);
  if (!where) return fault(where.error().message());
  proxy.host = std::move(where->host);
  proxy.port = where->port;
  return proxy;
}

bool matches_exception(std::string_view exception, const core::Host& host, uint16_t port) {
  if (exception == "*") return true;
  if (auto range = core::parse_range(exception)) return host.address && range->contains(*host.address);
  // "name:port" holds for that port alone.
  if (size_t colon = exception.rfind(':'); colon != std::string_view::npos && exception.find(':') == colon) {
    if (exception.substr(colon + 1) != std::to_string(port)) return false;
    exception = exception.substr(0, colon);
  }
  if (host.address) return exception == host.address->text();
  while (exception.starts_with('*') || exception.starts_with('.')) exception.remove_prefix(1);
  if (host.name == exception) return true;
  return !exception.empty() && host.name.size() > exception.size() && host.name.ends_with(exception) &&
         host.name[host.name.size() - exception.size() - 1] == '.';
}

constexpr size_t kLongestAnswer = 16 * 1024;

}  // namespace

Result<ProxySettings> ProxySettings::from_environment(const std::vector<std::string>& environment) {
  std::map<std::string, std::string> values;
  for (const std::string& entry : environment) {
    size_t equals = entry.find('=');
    if (equals == std::string::npos || equals + 1 == entry.size()) continue;
    std::string name = entry.substr(0, equals);
    bool is_lower = std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
    lower(name);
    if (is_lower) {
      values[name] = entry.substr(equals + 1);
    } else {
      values.try_emplace(name, entry.substr(equals + 1));
    }
  }
  ProxySettings settings;
  auto read = [&](const char* name) -> Result<std::optional<UpstreamProxy>> {
    auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return HV_TRY(parse_proxy(name, found->second));
  };
  std::optional<UpstreamProxy> all = HV_TRY(read("all_proxy"));
  settings.http_ = HV_TRY(read("http_proxy"));
  settings.https_ = HV_TRY(read("https_proxy"));
  if (!settings.http_) settings.http_ = all;
  if (!settings.https_) settings.https_ = all;
  for (const std::string& list : base::split(values["no_proxy"], ','))
    for (std::string& item : base::split(list, ' '))
      if (!item.empty()) {
        lower(item);
        settings.exceptions_.push_back(std::move(item));
      }
  return settings;
}

bool ProxySettings::is_excepted(const core::Host& host, uint16_t port) const {
  return std::ranges::any_of(exceptions_,
                             [&](const std::string& exception) { return matches_exception(exception, host, port); });
}

const UpstreamProxy* ProxySettings::choose(const core::Host& host, uint16_t port) const {
  const std::optional<UpstreamProxy>& proxy = port == 80 ? http_ : https_;
  return proxy && !is_excepted(host, port) ? &*proxy : nullptr;
}

ProxyHandshake::ProxyHandshake(const UpstreamProxy& proxy, const core::Host& host, uint16_t port)
    : proxy_(proxy), host_(host), port_(port) {
  if (proxy.kind == UpstreamProxy::Kind::socks5) {
    step_ = Step::method;
    output_ = proxy.user.empty() ? std::string("\x05\x01\x00", 3) : std::string("\x05\x02\x00\x02", 4);
    return;
  }
  std::string authority = host.address && host.address->v6 ? "[" + host.text() + "]" : host.text();
  authority += ":" + std::to_string(port);
  output_ = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!proxy.user.empty())
    output_ += "Proxy-Authorization: Basic " + base::to_base64(proxy.user + ":" + proxy.password) + "\r\n";
  output_ += "\r\n";
}

void ProxyHandshake::fail(std::string reason) {
  state_ = State::failed;
  reason_ = "the host's proxy: " + std::move(reason);
}

size_t ProxyHandshake::feed(std::string_view bytes) {
  size_t before = input_.size();
  input_.append(bytes);
  if (step_ == Step::connect) {
    on_connect();
  } else {
    on_socks();
  }
  if (state_ == State::need_more && input_.size() > kLongestAnswer) fail("its answer has no end");
  return state_ == State::ready ? used_ - std::min(used_, before) : bytes.size();
}

void ProxyHandshake::on_connect() {
  network::ResponseHeadReader reader({"CONNECT", false});
  network::HeadState read = reader.read(input_);
  if (read == network::HeadState::need_more) return;
  if (read == network::HeadState::refused) return fail(reader.reason());
  if (reader.head().status / 100 != 2) return fail("it answered " + std::to_string(reader.head().status));
  used_ = reader.size();
  state_ = State::ready;
}

void ProxyHandshake::send_socks_request() {
  step_ = Step::request;
  output_ = std::string("\x05\x01\x00", 3);
  if (host_.address) {
    output_ += static_cast<char>(host_.address->v6 ? 4 : 1);
    output_.append(reinterpret_cast<const char*>(host_.address->bytes.data()), host_.address->v6 ? 16 : 4);
  } else {
    output_ += '\x03';
    output_ += static_cast<char>(host_.name.size());
    output_ += host_.name;
  }
  output_ += static_cast<char>(port_ >> 8);
  output_ += static_cast<char>(port_ & 0xff);
}

// Each answer is looked at once it is whole; `used_` counts what belongs to those already taken.
void ProxyHandshake::on_socks() {
  auto byte = [&](size_t at) { return static_cast<uint8_t>(input_[used_ + at]); };
  auto have = [&](size_t count) { return input_.size() - used_ >= count; };
  if (step_ == Step::method && have(2)) {
    uint8_t method = byte(1);
    used_ += 2;
    if (method == 0) {
      send_socks_request();
    } else if (method == 2 && !proxy_.user.empty() && proxy_.user.size() < 256 && proxy_.password.size() < 256) {
      step_ = Step::password;
      output_ = "\x01";
      output_ += static_cast<char>(proxy_.user.size());
      output_ += proxy_.user;
      output_ += static_cast<char>(proxy_.password.size());
      output_ += proxy_.password;
    } else {
      fail("it wants another way to log in");
    }
    return;
  }
  if (step_ == Step::password && have(2)) {
    bool accepted = byte(1) == 0;
    used_ += 2;
    if (!accepted) return fail("it does not accept the login");
    return send_socks_request();
  }
  if (step_ != Step::request || !have(5)) return;
  if (byte(1) != 0) return fail("it could not connect (SOCKS error " + std::to_string(byte(1)) + ")");
  size_t address = byte(3) == 1 ? 4 : byte(3) == 4 ? 16 : byte(3) == 3 ? size_t{1} + byte(4) : 0;
  if (address == 0) return fail("its answer is malformed");
  if (!have(4 + address + 2)) return;
  used_ += 4 + address + 2;
  state_ = State::ready;
}

}  // namespace hv::gateway
