#include "config/server_address.h"

#include <algorithm>

#include "core/host_name.h"

namespace hv::config {

namespace {

struct Scheme {
  std::string_view name;
  uint16_t port;
};

constexpr Scheme kSchemes[] = {{"https", 443}, {"http", 80}, {"ssh", 22}, {"git", 9418}, {"ftp", 21}, {"ftps", 990}};

uint16_t port_of(std::string_view scheme) {
  // "git+ssh", "sparse+https", "mirror+http": the last part is what is spoken.
  scheme = scheme.substr(scheme.rfind('+') + 1);
  for (const Scheme& known : kSchemes)
    if (known.name == scheme) return known.port;
  return 0;
}

std::optional<Server> server(std::string_view authority, uint16_t default_port) {
  authority = authority.substr(authority.rfind('@') + 1);
  auto parsed = core::parse_host_port(authority, default_port);
  if (!parsed) return std::nullopt;
  return Server{parsed->host.text(), parsed->port};
}

}  // namespace

std::optional<Server> server_of_url(std::string_view url) {
  size_t at = url.find("://");
  if (at == std::string_view::npos) return std::nullopt;
  uint16_t port = port_of(url.substr(0, at));
  if (port == 0) return std::nullopt;
  std::string_view authority = url.substr(at + 3);
  return server(authority.substr(0, authority.find_first_of("/?#")), port);
}

std::optional<Server> server_of_remote(std::string_view remote) {
  if (remote.find("://") != std::string_view::npos) return server_of_url(remote);
  // A colon before the first slash makes it ssh; without one it is a path. "host::path" names a helper program.
  size_t colon = remote.find(':');
  if (remote.find('[') < colon) colon = remote.find(':', std::min(remote.find(']'), remote.size()));
  if (colon == std::string_view::npos || colon == 0 || remote.substr(0, colon).find('/') != std::string_view::npos ||
      remote.substr(colon).starts_with("::"))
    return std::nullopt;
  return server(remote.substr(0, colon), 22);
}

}  // namespace hv::config
