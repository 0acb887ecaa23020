// The only DNS server that a sandbox can reach, at every address there is. Questions never leave: a name that some rule
// allows has an address of the sandbox's own map, any other does not exist.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "gateway/surroundings.h"
#include "network/dns_message.h"

namespace hv::gateway {

// The answer and what is recorded of it; pure but for the map.
struct DnsVerdict {
  network::DnsAnswer answer;
  core::NetworkEvent event;
};
// `v6`: this host has a way to IPv6, so that names have such addresses too.
DnsVerdict answer_query(Surroundings& around, const network::DnsQuery& query, bool v6);

// Whether this host has a route to IPv6's internet; nothing is sent to find out.
bool host_has_ipv6();

class DnsServer {
 public:
  explicit DnsServer(Surroundings& around) : around_(around) {}
  ~DnsServer();
  base::Status serve_datagrams(base::Fd socket);
  base::Status serve_streams(base::Fd listener);
  // Ends streams that have waited too long.
  void sweep();

 private:
  struct Stream {
    base::Fd socket;
    std::string in;
    std::string out;
    int age = 0;  // sweeps since the last byte
  };
  static constexpr size_t kMostStreams = 64;
  void on_datagrams(int socket);
  void accept(int listener);
  void pause(bool paused);
  void on_stream(std::list<Stream>::iterator stream, uint32_t events);
  void close(std::list<Stream>::iterator stream);
  std::string answer(std::string_view message, network::DnsTransport transport);

  Surroundings& around_;
  std::vector<base::Fd> sockets_;
  std::vector<int> listeners_;  // those of `sockets_` that take streams
  bool paused_ = false;
  std::list<Stream> streams_;
  bool v6_ = host_has_ipv6();
  int sweeps_ = 0;
};

}  // namespace hv::gateway
