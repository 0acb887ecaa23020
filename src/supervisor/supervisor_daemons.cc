// What daemons ask of a supervisor, and what it tells them.
#include <cerrno>
#include <csignal>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/unix_socket.h"
#include "shimwire/egress_codec.h"
#include "supervisor/supervisor.h"
#include "wire/problem.h"

namespace hv::supervisor {

namespace {

// Records are announced together: a burst of commands wakes the daemon once.
constexpr std::chrono::milliseconds kAnnounceAfter{2};

}  // namespace

void Supervisor::add_daemon(Fd connection) {
  int fd = connection.get();
  // A daemon that cannot be watched cannot be served; it will connect again.
  if (!base::set_nonblocking(fd, true) || !loop_.watch(fd, EPOLLIN, [this, fd](uint32_t) { on_daemon(fd); })) return;
  daemons_[fd] = std::move(connection);
}

void Supervisor::accept_daemon() {
  Fd connection(::accept4(control_listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) return;
  Result<base::PeerCredentials> peer = base::peer_credentials(connection.get());
  // The id as this user namespace shows it: real root has none here and appears as the overflow id, but the socket's
  // directory lets only the owner and root in.
  if (peer && (peer->uid == ::getuid() || peer->uid == 0 || peer->uid == 65534)) add_daemon(std::move(connection));
}

void Supervisor::on_daemon(int fd) {
  Result<shimwire::Packet> packet = shimwire::receive_packet(fd);
  if (!packet) {
    if (packet.error().code() == base::ErrorCode::unavailable) return;
    loop_.unwatch(fd);
    daemons_.erase(fd);
    watchers_.erase(fd);
    return;
  }
  handle(fd, *std::move(packet));
}

void Supervisor::tell_daemons(FromSupervisor type, const std::string& body) {
  // A daemon that does not read, or is gone, learns the same from the directory and the spool.
  for (auto& [fd, connection] : daemons_)
    static_cast<void>(shimwire::send_packet(fd, static_cast<uint8_t>(type), body));
}

void Supervisor::announce_records() {
  if (announced_ || watchers_.size() == daemons_.size()) return;
  announced_ = true;
  loop_.after(kAnnounceAfter, [this] {
    announced_ = false;
    std::string body = shimwire::encode(shimwire::Spooled{spool_->last_sequence()});
    for (auto& [fd, connection] : daemons_)
      if (!watchers_.contains(fd))
        static_cast<void>(shimwire::send_packet(fd, static_cast<uint8_t>(FromSupervisor::spooled), body));
  });
}

void Supervisor::set_watching(int daemon, const shimwire::WatchNotice& notice) {
  if (notice.by_clock) {
    watchers_.insert(daemon);
  } else if (watchers_.erase(daemon) > 0 && spool_->last_sequence() > notice.read) {
    // Written since the daemon's last look.
    announce_records();
  }
}

shimwire::Launched Supervisor::status() const {
  shimwire::Launched launched;
  launched.init_pid = init_.pid;
  launched.supervisor_pid = ::getpid();
  launched.enforced = enforced_;
  launched.degraded = degraded_;
  launched.cgroups = spec_.cgroups;
  launched.running = !finished_;
  launched.last_sequence = spool_->last_sequence();
  return launched;
}

void Supervisor::handle(int daemon, shimwire::Packet packet) {
  auto refuse = [&](const Error& error) {
    if (packet.fds.empty()) return;
    Client client(loop_, std::move(packet.fds[0]), {}, {});
    if (client.start()) {
      client.send(FrameType::error, wire::problem_text(error));
      client.send_exit(125, false);
      client.finish();
    }
  };
  switch (static_cast<ToSupervisor>(packet.type)) {
    case ToSupervisor::hello:
      static_cast<void>(
          shimwire::send_packet(daemon, static_cast<uint8_t>(FromSupervisor::status), shimwire::encode(status())));
      if (!stalled_.empty())
        static_cast<void>(shimwire::send_packet(daemon, static_cast<uint8_t>(FromSupervisor::stalled),
                                                shimwire::encode(shimwire::Stalled{stalled_})));
      // What was written while nobody was there to be told.
      if (spool_->last_sequence() > 0) announce_records();
      return;
    case ToSupervisor::exec: {
      auto request = shimwire::decode<shimwire::ExecRequest>(packet.body);
      if (!request || packet.fds.size() != 1 || jobs_.contains(request->job))
        return refuse(base::internal_error("malformed exec request"));
      Job& job = make_job(request->job, request->command);
      Status started = job.add_client(std::move(packet.fds[0]), std::move(request->buffered), false);
      if (started) started = start_job(job, request->command, Fd());
      if (!started) job.end(125, false, wire::problem_text(started.error()));
      return;
    }
    case ToSupervisor::attach: {
      auto request = shimwire::decode<shimwire::AttachRequest>(packet.body);
      auto job = jobs_.find(kMainJob);
      if (!request || job == jobs_.end())
        return refuse(base::conflict("sandbox '" + spec_.name + "' has no main command to attach to")
                          .with_hint("run one in it: hydravisor exec " + spec_.name + " -- CMD"));
      if (!packet.fds.empty() && job->second->add_client(std::move(packet.fds[0]), std::move(request->buffered), true))
        job->second->set_size(request->rows, request->columns);
      return;
    }
    case ToSupervisor::signal: {
      auto request = shimwire::decode<shimwire::SignalRequest>(packet.body);
      if (request) signal_job(kMainJob, request->number, true);
      return;
    }
    case ToSupervisor::stop: {
      auto request = shimwire::decode<shimwire::StopRequest>(packet.body);
      if (request)
        begin_stop(std::chrono::milliseconds(request->grace_milliseconds),
                   request->by_rule.empty()
                       ? Outcome{Outcome::Kind::stopped, SIGKILL, "stopped on request"}
                       : Outcome{Outcome::Kind::killed_by_policy, SIGKILL, base::printable(request->by_rule)});
      return;
    }
    case ToSupervisor::paused: {
      auto notice = shimwire::decode<shimwire::PausedNotice>(packet.body);
      if (notice) set_paused(notice->paused);
      return;
    }
    case ToSupervisor::isolate:
      if (network_) network_->isolate();
      return;
    case ToSupervisor::throttle:
      if (auto request = shimwire::decode<shimwire::ThrottleRequest>(packet.body); request && network_)
        network_->set_rate(request->bytes_per_second);
      return;
    case ToSupervisor::watch:
      if (auto notice = shimwire::decode<shimwire::WatchNotice>(packet.body)) set_watching(daemon, *notice);
      return;
    case ToSupervisor::extend: {
      auto request = shimwire::decode<shimwire::ExtendRequest>(packet.body);
      if (request) extend(std::chrono::milliseconds(request->milliseconds));
      return;
    }
    case ToSupervisor::import_file:
      if (packet.fds.size() == 1) static_cast<void>(import_file(packet.body, {packet.fds[0].get()}, false));
      return;
    case ToSupervisor::egress:
      if (auto policy = shimwire::decode_egress_policy(packet.body); policy && network_)
        static_cast<void>(network_->set_policy(*policy));
      return;
    case ToSupervisor::prepare:
    case ToSupervisor::launch:
      return;  // only the first messages may
  }
}

}  // namespace hv::supervisor
