// Names, and what is said on a connection that may be made: ways to reach by it what may not be reached.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/network_talk.h"

namespace hv::probe {
namespace {

constexpr std::string_view category = "network";
constexpr uint32_t way_out = layers(core::Layer::network_namespace);
constexpr std::string_view denied = "network.denied";

const core::IpAddress loopback = core::IpAddress::from_v4(INADDR_LOOPBACK);

Attempt no_network_named() {
  return not_applicable("no network that answers was named");
}

std::string with_port(std::string_view host, int port) {
  return std::string(host) + ":" + std::to_string(port);
}

std::string proxy_get(const std::string& authority) {
  return "GET http://" + authority + "/ HTTP/1.1\r\nHost: " + authority + "\r\nConnection: close\r\n\r\n";
}
std::string proxy_connect(const std::string& authority) {
  return "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
}

// The same server by another name, where it can be found.
Attempt speak_to_name(const std::string& what, const Outside& outside, const std::string& name, uint16_t port,
                      const std::string& words) {
  auto address = look_up(name, name_server(outside));
  if (!address) return held_here(what + ": the name has no address");
  return judge_spoken(what, speak(*address, port, words));
}

// Through the proxy the host's loopback has other names than for a socket.
Attempt loopback_by_gateway(const Outside& outside) {
  if (outside.port == 0) return not_applicable("no port of the host was named");
  std::vector<Attempt> attempts;
  for (std::string_view host : {"127.0.0.1", "127.1.2.3", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433",
                                "0177.0.0.1", "0x7f.1", "0.0.0.0", "host.hydravisor"}) {
    std::string authority = with_port(host, outside.port);
    std::string what = "proxy to " + authority;
    attempts.push_back(judge_spoken(what, speak(loopback, kCourtesyProxy, proxy_connect(authority))));
    attempts.push_back(judge_spoken(what, speak(loopback, kCourtesyProxy, proxy_get(authority))));
  }
  attempts.push_back(judge_spoken("connect", speak(loopback, static_cast<uint16_t>(outside.port), "x")));
  return first_through(attempts, "ways");
}

Attempt host_by_its_address(const Outside& outside) {
  if (outside.own_name.empty()) return no_network_named();
  std::vector<Attempt> attempts;
  attempts.push_back(speak_to_name("web", outside, outside.own_name, 80, http_get(outside.own_name)));
  attempts.push_back(speak_to_name("ssh", outside, outside.own_name, 22, "SSH-2.0-probe\r\n"));
  return first_through(attempts, "services");
}

Attempt unlisted_name(const Outside& outside) {
  if (outside.unlisted.empty()) return no_network_named();
  std::vector<Attempt> attempts;
  attempts.push_back(speak_to_name("connect", outside, outside.unlisted, 80, http_get(outside.unlisted)));
  attempts.push_back(judge_spoken("proxy", speak(loopback, kCourtesyProxy, proxy_get(outside.unlisted))));
  return first_through(attempts, "ways");
}

// An answer that differs from "no such name" would mean that the question has left.
Attempt dns_labels(const Outside& outside) {
  std::string domain = outside.unlisted.empty() ? "hydravisor-probe.example" : outside.unlisted;
  std::vector<Attempt> attempts;
  for (std::string_view secret : {"73656372657431", "73656372657432"}) {
    std::string name = std::string(secret) + ".data." + domain;
    auto answer = look_up(name, name_server(outside));
    attempts.push_back(answer ? got_through(name + " has the address " + answer->text()) : held_here(name));
  }
  return first_through(attempts, "names");
}

Attempt own_name_server(const Outside& outside) {
  core::IpAddress server = outside.name_server.empty() ? ip("192.0.2.53") : ip(outside.name_server);
  std::string name = outside.unlisted.empty() ? "hydravisor-probe.example" : outside.unlisted;
  auto answer = look_up(name, server);
  return answer ? got_through(name + " has the address " + answer->text()) : held_here("it does not know " + name);
}

Attempt secret_name_server(const Outside& outside, uint16_t port) {
  core::IpAddress server = ip(outside.unlisted_v4.empty() ? "192.0.2.53" : outside.unlisted_v4);
  return judge_spoken("connect to port " + std::to_string(port), speak(server, port, tls_hello("dns.example")));
}
Attempt dns_over_https(const Outside& outside) {
  return secret_name_server(outside, 443);
}
Attempt dns_over_tls(const Outside& outside) {
  return secret_name_server(outside, 853);
}

Attempt rebinding(const Outside& outside) {
  if (outside.rebinding.empty()) return no_network_named();
  std::vector<Attempt> attempts;
  for (int i = 0; i < 3; ++i) {
    auto address = look_up(outside.rebinding, name_server(outside));
    if (!address) return held_here("the name has no address");
    Spoken spoken = speak(*address, 80, http_get(outside.rebinding));
    // The public server it had at first may answer.
    bool is_private = spoken.answer.find(std::string(kCanary) + "10.") != std::string::npos;
    attempts.push_back(is_private ? got_through("a private server answered") : held_here("no private server"));
    ::usleep(100'000);
  }
  return first_through(attempts, "connections");
}

Attempt another_server_name(const Outside& outside) {
  if (outside.allowed.empty()) return no_network_named();
  return speak_to_name("TLS", outside, outside.allowed, 443, tls_hello(outside.unlisted));
}
Attempt no_server_name(const Outside& outside) {
  if (outside.allowed.empty()) return no_network_named();
  return speak_to_name("TLS", outside, outside.allowed, 443, tls_hello(""));
}

// The name of a CONNECT is judged, and then what is said in the tunnel.
Attempt tunnel_server_name(const Outside& outside) {
  if (outside.allowed.empty()) return no_network_named();
  std::string connect = proxy_connect(with_port(outside.allowed, 443));
  Spoken spoken = speak(loopback, kCourtesyProxy, connect + tls_hello(outside.unlisted));
  size_t end = spoken.answer.find("\r\n\r\n");
  // What comes behind the proxy's own answer is the server's.
  if (spoken.answer.starts_with("HTTP/1.1 200") && end != std::string::npos) spoken.answer.erase(0, end + 4);
  if (spoken.answer.empty() && spoken.error == ECONNREFUSED) return another_server_name(outside);
  return judge_spoken("TLS in a tunnel", spoken);
}

// Whether the server got a request for the name that no rule allows.
Attempt judge_request(const std::string& what, const Outside& outside, const std::string& words) {
  auto address = look_up(outside.allowed, name_server(outside));
  if (!address) return held_here(what + ": the name has no address");
  Spoken spoken = speak(*address, 80, words);
  // A refusal that comes behind the answer to an innocent first request names the host as well.
  spoken.answer.resize(std::min(spoken.answer.find("\r\nX-Hydravisor"), spoken.answer.size()));
  size_t canary = spoken.answer.find(kCanary);
  if (canary == std::string::npos) return held_here(what);
  bool reached = spoken.answer.find(outside.unlisted, canary) != std::string::npos;
  return reached ? got_through(what + ": the server got it") : held_here(what);
}

Attempt another_host_field(const Outside& outside) {
  if (outside.allowed.empty()) return no_network_named();
  std::vector<Attempt> attempts;
  const std::string& name = outside.unlisted;
  attempts.push_back(judge_request("Host", outside, http_get(name)));
  attempts.push_back(judge_request("empty lines first", outside, "\r\n\r\n" + http_get(name)));
  attempts.push_back(judge_request("whole URL", outside,
                                   "GET http://" + name + "/ HTTP/1.1\r\nHost: " + outside.allowed + "\r\n\r\n"));
  attempts.push_back(judge_request("two Hosts", outside,
                                   "GET / HTTP/1.1\r\nHost: " + outside.allowed + "\r\nHost: " + name + "\r\n\r\n"));
  attempts.push_back(judge_request("HTTP/1.0", outside, "GET http://" + name + "/ HTTP/1.0\r\n\r\n"));
  attempts.push_back(judge_request("small letters", outside, "get / http/1.1\r\nhost: " + name + "\r\n\r\n"));
  return first_through(attempts, "requests");
}

// A second request in what is the first one's body, or its head, to one of two readers.
Attempt smuggling(const Outside& outside) {
  if (outside.allowed.empty()) return no_network_named();
  std::string hidden = http_get(outside.unlisted);
  std::string post = "POST / HTTP/1.1\r\nHost: " + outside.allowed + "\r\n";
  std::string length = std::to_string(hidden.size() + 5);
  std::vector<Attempt> attempts;
  for (const auto& [what, words] : std::vector<std::pair<std::string, std::string>>{
           {"both lengths", post + "Content-Length: " + length + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
           {"two lengths", post + "Content-Length: 0\r\nContent-Length: " + length + "\r\n\r\n"},
           {"no length and a body", post + "\r\n"},
           {"unknown coding", post + "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n"},
           {"coding with a tab", post + "Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n"},
           {"continued field", post + "X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
           {"bare line feeds", "GET / HTTP/1.1\nHost: " + outside.allowed + "\n\n"},
           {"a line feed in a field", post + "X: a\nContent-Length: 0\r\n\r\n"},
           {"blank before the colon", post + "Content-Length : 0\r\n\r\n"},
           {"a chunk's odd size", post + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n"},
           {"an upgrade", "GET / HTTP/1.1\r\nHost: " + outside.allowed +
                              "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n"},
           {"pipelined", http_get(outside.allowed)}})
    attempts.push_back(judge_request(what, outside, words + hidden));
  return first_through(attempts, "requests");
}

Attempt http2_authority(const Outside&) {
  return not_applicable("it is inside the encryption, which nothing of the sandbox opens");
}

Attempt ssh_forwarding(const Outside&) {
  return not_applicable("it is inside the encryption: an allowed server forwards to what that server can reach");
}

// A program of the sandbox's own that passes on what it is given has no other way out than its caller.
Attempt relay(const Outside& outside) {
  core::IpAddress target = ip(outside.unlisted_v4.empty() ? "192.0.2.1" : outside.unlisted_v4);
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &size) != 0)
    return not_applicable("no port of the sandbox's own loopback can be listened on");
  pid_t pid = ::fork();
  if (pid < 0) return not_applicable("no process can be started");
  if (pid == 0) {
    int client = ::accept(listener, nullptr, nullptr);
    std::array<char, 4096> request{};
    ssize_t count = ::recv(client, request.data(), request.size(), 0);
    Spoken spoken = speak(target, 80, {request.data(), count > 0 ? static_cast<size_t>(count) : 0});
    static_cast<void>(::send(client, spoken.answer.data(), spoken.answer.size(), MSG_NOSIGNAL));
    ::_exit(0);
  }
  Spoken spoken = speak(loopback, ntohs(address.sin_port), http_get(target.text()));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return judge_spoken("through a relay", spoken);
}

const Probe table[] = {
    {"loopback-by-gateway", category, "a server on the host's loopback, by many names, through the proxy", way_out,
     denied, loopback_by_gateway},
    {"host-by-its-address", category, "a server of the host at the host's own public address, by an allowed name",
     way_out, denied, host_by_its_address, true},
    {"unlisted-name", category, "a host that no rule allows, by its name", way_out, "network.dns", unlisted_name, true},
    {"dns-labels", category, "data in the labels of names", way_out, "network.dns", dns_labels, true},
    {"name-server", category, "a name server of its own choice", way_out, "network.dns", own_name_server, true},
    {"dns-over-https", category, "names by way of HTTPS", way_out, denied, dns_over_https, true},
    {"dns-over-tls", category, "names by way of TLS", way_out, denied, dns_over_tls, true},
    {"rebinding", category, "an allowed name whose address becomes a private one", way_out, denied, rebinding, true},
    {"server-name", category, "TLS for another name than the connection's", way_out, denied, another_server_name, true},
    {"no-server-name", category, "TLS that names no server", way_out, denied, no_server_name, true},
    {"tunnel-server-name", category, "TLS for another name than the CONNECT was for", way_out, denied,
     tunnel_server_name, true},
    {"host-field", category, "a request for another host than the connection's", way_out, denied, another_host_field,
     true},
    {"smuggling", category, "a request inside another, to one reader and not to another", way_out, denied, smuggling,
     true},
    {"http2-authority", category, "a request for another host inside TLS", 0, "", http2_authority},
    {"ssh-forwarding", category, "forwarding inside an allowed SSH connection", 0, "", ssh_forwarding},
    {"relay", category, "a relay inside the sandbox", way_out, denied, relay, true},
};

}  // namespace

std::span<const Probe> gateway_probes() {
  return table;
}

}  // namespace hv::probe
