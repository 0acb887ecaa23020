// A connection to one of several addresses, by Happy Eyeballs (RFC 8305): the next address is tried when the last has
// kept us waiting for a quarter of a second or has failed; the first that answers is taken.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "core/address.h"

namespace hv::gateway {

struct Dialled {
  base::Fd socket;
  core::IpAddress address;
};

class Dial {
 public:
  using Done = std::function<void(base::Result<Dialled> dialled)>;
  struct Times {
    std::chrono::milliseconds between{250};
    std::chrono::milliseconds in_all{30'000};
  };

  // Dials exactly these addresses, in this order. `done` runs once and never within this call; not at all when the dial
  // is destroyed before, which closes what it has opened.
  static std::unique_ptr<Dial> start(base::EventLoop& loop, std::vector<core::IpAddress> addresses, uint16_t port,
                                     Done done) {
    return start(loop, std::move(addresses), port, std::move(done), Times());
  }
  static std::unique_ptr<Dial> start(base::EventLoop& loop, std::vector<core::IpAddress> addresses, uint16_t port,
                                     Done done, Times times);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

 private:
  struct Attempt {
    base::Fd socket;
    core::IpAddress address;
  };
  Dial(base::EventLoop& loop, std::vector<core::IpAddress> addresses, uint16_t port, Done done, Times times)
      : loop_(loop), addresses_(std::move(addresses)), port_(port), done_(std::move(done)), times_(times) {}
  void next();
  void on_ready(int socket);
  void finish(base::Result<Dialled> dialled);

  base::EventLoop& loop_;
  std::vector<core::IpAddress> addresses_;
  uint16_t port_;
  Done done_;
  Times times_;
  size_t tried_ = 0;
  std::vector<Attempt> attempts_;
  base::EventLoop::TimerId stagger_ = 0;
  base::EventLoop::TimerId deadline_ = 0;
  int last_error_ = 0;
};

}  // namespace hv::gateway
