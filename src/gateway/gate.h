// Everything of one sandbox's way out: takes the connections that arrive at its listening sockets, bounds them, and
// tells of refused packets.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "gateway/connection.h"
#include "gateway/dns_server.h"
#include "gateway/surroundings.h"

namespace hv::gateway {

class Gate {
 public:
  struct Limits {
    // Further ones wait in the listening sockets' queues. Each takes two descriptors.
    size_t connections = 4096;
    Connection::Times times;
  };
  Gate(Surroundings& around, uint64_t last_number, Limits limits);
  ~Gate();

  base::Status listen_redirected(base::Fd listener);
  base::Status listen_proxied(base::Fd listener);
  base::Status hear_refused(base::Fd socket);
  base::Status serve_dns(base::Fd socket, bool datagrams);
  void set_policy(core::EgressPolicy policy);
  // Ends every connection and tells of each, and of what was only counted.
  void end();
  size_t open_connections() const { return connections_.size(); }

 private:
  void accept(int listener, bool proxied);
  void pause_listeners(bool pause);
  void on_refused(int socket);
  void sweep();

  Surroundings& around_;
  Limits limits_;
  DnsServer dns_;
  uint64_t last_number_;
  std::unordered_map<uint64_t, std::shared_ptr<Connection>> connections_;
  std::vector<base::Fd> listeners_;
  std::vector<base::Fd> refused_;
  bool paused_ = false;
  int sweeps_ = 0;
  base::EventLoop::TimerId timer_ = 0;
};

// Raises the soft limit of open files to the hard one and says how many connections fit.
size_t most_connections(size_t wanted);

}  // namespace hv::gateway
