// The gateway's line to its supervisor: what is about to happen is asked there first, and happens when it is recorded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>

#include "base/result.h"
#include "core/egress.h"

namespace hv::gateway {

// What connections and the DNS server need of it; tests have their own.
class Recorder {
 public:
  virtual ~Recorder() = default;
  // A connection has come: whose it is can be seen while it is open.
  virtual void opened(uint64_t connection, const core::Flow& flow) = 0;
  // `then` runs once the event is recorded, never within this call. It never runs when that is impossible: what was to
  // happen does not.
  virtual void before(const core::NetworkEvent& event, std::function<void()> then) = 0;
  // For what has ended or was refused.
  virtual void told(const core::NetworkEvent& event) = 0;
  // `then` runs once all that was said so far has been read there, never within this call: whose a connection is has
  // been looked up by then, and it may be closed.
  virtual void when_heard(std::function<void()> then) = 0;
};

class SupervisorLink : public Recorder {
 public:
  explicit SupervisorLink(int socket) : socket_(socket) {}

  void opened(uint64_t connection, const core::Flow& flow) override;
  void before(const core::NetworkEvent& event, std::function<void()> then) override;
  void told(const core::NetworkEvent& event) override;
  void when_heard(std::function<void()> then) override;
  // The supervisor has answered question `number`.
  void recorded(uint64_t number);

 private:
  struct Waiting {
    std::optional<core::NetworkEvent> event;  // to be recorded; none: to be heard
    std::function<void()> then;
  };
  // Asked and not yet answered: few enough for the answers to fit into the socket, or each side could wait for the
  // other to read.
  static constexpr size_t kMost = 64;
  void ask_in_turn(Waiting waiting);
  void ask(Waiting waiting);

  int socket_;
  uint64_t last_number_ = 0;
  std::unordered_map<uint64_t, std::function<void()>> asked_;
  std::deque<Waiting> queue_;
};

}  // namespace hv::gateway
