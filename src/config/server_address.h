// The host and port in an address of a server as tools' configuration files have it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hv::config {

struct Server {
  std::string host;  // normalised
  uint16_t port = 0;
  bool operator==(const Server&) const = default;
};

// SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/...] with a scheme whose port is known ("https", "ssh", "git",
// "sparse+https", "git+ssh", ...), and nothing for files, paths and what is no address.
std::optional<Server> server_of_url(std::string_view url);

// The same, and git's short form for ssh, [USER@]HOST:PATH.
std::optional<Server> server_of_remote(std::string_view remote);

}  // namespace hv::config
