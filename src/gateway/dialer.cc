#include "gateway/dialer.h"

#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/socket_address.h"

namespace hv::gateway {

std::unique_ptr<Dial> Dial::start(base::EventLoop& loop, std::vector<core::IpAddress> addresses, uint16_t port,
                                  Done done, Times times) {
  std::unique_ptr<Dial> made(new Dial(loop, std::move(addresses), port, std::move(done), times));
  Dial* self = made.get();
  self->last_error_ = EADDRNOTAVAIL;
  self->deadline_ = loop.after(times.in_all, [self] {
    self->deadline_ = 0;
    self->finish(base::Failure(base::Error::from_errno(ETIMEDOUT, "connect")));
  });
  self->next();
  return made;
}

Dial::~Dial() {
  for (Attempt& attempt : attempts_) loop_.unwatch(attempt.socket.get());
  if (stagger_ != 0) loop_.cancel(stagger_);
  if (deadline_ != 0) loop_.cancel(deadline_);
}

void Dial::next() {
  if (stagger_ != 0) loop_.cancel(stagger_);
  stagger_ = 0;
  while (tried_ < addresses_.size()) {
    const core::IpAddress& address = addresses_[tried_++];
    SocketAddress to = to_socket_address(address, port_);
    base::Fd socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || (::connect(socket.get(), to.get(), to.size) != 0 && errno != EINPROGRESS)) {
      last_error_ = errno;
      continue;
    }
    int fd = socket.get();
    if (!loop_.watch(fd, EPOLLOUT, [this, fd](uint32_t) { on_ready(fd); })) {
      last_error_ = ENOMEM;
      continue;
    }
    attempts_.push_back({std::move(socket), address});
    if (tried_ < addresses_.size())
      stagger_ = loop_.after(times_.between, [this] {
        stagger_ = 0;
        next();
      });
    return;
  }
  if (!attempts_.empty()) return;
  // Nothing is under way and nothing is left. Told from the loop: start() may be our caller.
  stagger_ = loop_.after(std::chrono::seconds(0), [this] {
    stagger_ = 0;
    finish(base::Failure(base::Error::from_errno(last_error_, "connect")));
  });
}

void Dial::on_ready(int socket) {
  auto found = std::ranges::find_if(attempts_, [&](const Attempt& attempt) { return attempt.socket.get() == socket; });
  if (found == attempts_.end()) return;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error_number, &size);
  loop_.unwatch(socket);
  Attempt attempt = std::move(*found);
  attempts_.erase(found);
  if (error_number == 0) return finish(Dialled{std::move(attempt.socket), attempt.address});
  last_error_ = error_number;
  next();
}

void Dial::finish(base::Result<Dialled> dialled) {
  for (Attempt& attempt : attempts_) loop_.unwatch(attempt.socket.get());
  attempts_.clear();
  if (stagger_ != 0) loop_.cancel(stagger_);
  if (deadline_ != 0) loop_.cancel(deadline_);
  stagger_ = deadline_ = 0;
  // The dial may be destroyed by what follows.
  Done done = std::move(done_);
  done(std::move(dialled));
}

}  // namespace hv::gateway
