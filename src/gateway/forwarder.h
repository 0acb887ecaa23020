// Host ports: TCP from a port inside to the same port of the host's loopback, byte for byte, each connection recorded
// before it is made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"

namespace hv::gateway {

class Forwarder {
 public:
  Forwarder(base::EventLoop& loop, int supervisor) : loop_(loop), supervisor_(supervisor) {}

  // Starts accepting. The socket's own port is the one dialled outside.
  base::Status listen(base::Fd socket);
  // The supervisor has recorded connection `number`: it may be made.
  void proceed(uint64_t number);
  // Nothing runs inside any more: ends every connection and tells of it.
  void end();

 private:
  // Connections at one time; further ones wait in the listening socket's queue.
  static constexpr size_t kMost = 1024;
  struct Direction {
    std::string pending;
    bool source_ended = false;
    bool sink_closed = false;
    uint64_t bytes = 0;
  };
  struct Connection {
    uint64_t number = 0;
    uint16_t port = 0;
    bool over_v6 = false;
    bool dialling = false;
    base::Fd inside;
    base::Fd outside;
    Direction out;  // from inside to outside
    Direction in;
  };
  void accept(int listener, uint16_t port);
  void dial(Connection& connection);
  void on_dialled(uint64_t number);
  void pump(uint64_t number);
  bool move_bytes(Direction& direction, base::Fd& from, base::Fd& to);
  void update_interest(Connection& connection);
  void close(uint64_t number, int error_number);

  base::EventLoop& loop_;
  int supervisor_;
  uint64_t last_number_ = 0;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<base::Fd> listeners_;
};

}  // namespace hv::gateway
