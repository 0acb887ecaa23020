// Host ports: TCP from a port inside to the same port of the host's loopback, byte for byte, each connection recorded
// before it is made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "gateway/rate_bound.h"
#include "gateway/stream.h"

namespace hv::gateway {

class Forwarder {
 public:
  Forwarder(base::EventLoop& loop, RateBound& rate, int supervisor)
      : loop_(loop), rate_(rate), supervisor_(supervisor) {}

  // Starts accepting. The socket's own port is the one dialled outside.
  base::Status listen(base::Fd socket);
  // The supervisor has recorded connection `number`: it may be made.
  void proceed(uint64_t number);
  // Nothing runs inside any more: ends every connection and tells of it.
  void end();

 private:
  // Connections at one time; further ones wait in the listening socket's queue.
  static constexpr size_t kMost = 1024;
  struct Connection {
    uint64_t number = 0;
    uint16_t port = 0;
    bool over_v6 = false;
    bool dialling = false;
    bool in_line = false;  // for the bound of its rate
    Stream inside;
    Stream outside;
  };
  void accept(int listener, uint16_t port);
  void dial(Connection& connection);
  void on_dialled(uint64_t number);
  void pump(uint64_t number);
  bool move_bytes(Connection& connection, Stream& from, Stream& to);
  void wait_in_line(Connection& connection);
  void update_interest(Connection& connection);
  void close(uint64_t number, int error_number);

  base::EventLoop& loop_;
  RateBound& rate_;
  int supervisor_;
  uint64_t last_number_ = 0;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<base::Fd> listeners_;
};

}  // namespace hv::gateway
