// What the network probes say to servers, and how an answer is read: got through is what a server behind the gateway
// answered, or what nothing refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "probe/probe.h"

namespace hv::probe {

// A server that tests put behind the gateway begins its answer, or an HTTP answer's body, with "canary ADDRESS:" and
// then the bytes that it got. An HTTP refusal by the gateway has the field X-Hydravisor.
inline constexpr std::string_view kCanary = "canary ";
inline constexpr uint16_t kCourtesyProxy = 3128;

struct Spoken {
  int error = 0;        // of connecting, or of a reset
  bool silent = false;  // it stayed open, and nothing came within the time
  std::string answer;
};

// Connects, says `words`, and takes what comes until the end, a reset, or a second of silence.
Spoken speak(const core::IpAddress& address, uint16_t port, std::string_view words, uint32_t scope = 0);
// One datagram; silent when nothing refused it within the time.
Spoken send_datagram(const core::IpAddress& address, uint16_t port, std::string_view words);

// The first IPv4 address that DNS has for the name. Asks `server`.
std::optional<core::IpAddress> look_up(const std::string& name, const core::IpAddress& server);
// The server that the probes ask: the one that was named, or the sandbox's own.
core::IpAddress name_server(const Outside& outside);

// Whether packets have anywhere to go: false in a namespace that has nothing but its loopback.
bool has_way_out();
// Held, and told of by the gateway where there is one; where there is none, the namespace alone held it.
Attempt held_here(std::string detail);
// Held when it was refused, broken off, or answered by the gateway.
Attempt judge_spoken(const std::string& what, const Spoken& spoken);
// The first of several that got through; held_here() when none did.
Attempt first_through(const std::vector<Attempt>& attempts, const std::string& what);

std::string http_get(std::string_view host, std::string_view path = "/");
// A TLS 1.2 hello that names this server, or none.
std::string tls_hello(std::string_view server_name);

core::IpAddress ip(std::string_view text);

}  // namespace hv::probe
