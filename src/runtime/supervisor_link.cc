#include "runtime/supervisor_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/process.h"
#include "base/unix_socket.h"
#include "shimwire/egress_codec.h"
#include "shimwire/launch_codec.h"
#include "wire/frame.h"
#include "wire/problem.h"

namespace hv::runtime {

using shimwire::ToSupervisor;

base::Result<SupervisorLink> SupervisorLink::spawn(const std::string& program) {
  base::SocketPair pair = HV_TRY(base::make_socket_pair(SOCK_SEQPACKET));
  base::CommandSpec command;
  command.program = program;
  command.working_directory = "/";
  command.fds = {{pair.second.get(), 3}};
  base::ChildProcess child = HV_TRY(base::spawn(command));
  HV_TRY(base::set_nonblocking(pair.first.get(), true));
  return SupervisorLink(std::move(pair.first), child.detach());
}

namespace {

// Whoever holds it is the sandbox's supervisor. Ours for a moment when it was free, which one that starts waits for.
bool is_supervised(const std::string& state_directory) {
  auto lock = base::open_file(state_directory + "/lock", O_RDWR | O_NOFOLLOW);
  return lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0;
}

}  // namespace

base::Result<SupervisorLink> SupervisorLink::adopt(const std::string& state_directory) {
  // From its lock to its socket a supervisor takes some milliseconds, and from closing the socket to its end as well.
  constexpr int kPause = 5;
  for (int waited = 0;; waited += kPause) {
    base::Result<SupervisorLink> link = connect(state_directory);
    if (link || waited >= 5000 || !is_supervised(state_directory)) return link;
    ::poll(nullptr, 0, kPause);
  }
}

base::Result<SupervisorLink> SupervisorLink::connect(const std::string& state_directory) {
  base::Fd socket = HV_TRY(base::connect_unix(state_directory + "/control.sock", SOCK_SEQPACKET));
  HV_TRY(base::set_nonblocking(socket.get(), true));
  SupervisorLink link(std::move(socket), 0);
  HV_TRY(link.send(ToSupervisor::hello, {}));
  return link;
}

base::Status SupervisorLink::send(ToSupervisor type, const std::string& body, const std::vector<int>& fds) {
  return shimwire::send_packet(socket_.get(), static_cast<uint8_t>(type), body, fds);
}

base::Status SupervisorLink::prepare(const core::Groundwork& ground, const base::Fd* user_namespace) {
  std::vector<int> fds;
  if (user_namespace != nullptr) fds.push_back(user_namespace->get());
  return send(ToSupervisor::prepare, shimwire::encode(shimwire::PrepareRequest{user_namespace != nullptr, ground}),
              fds);
}

base::Status SupervisorLink::launch(const core::LaunchSpec& spec, const ClientSocket* client,
                                    const base::Fd* user_namespace) {
  shimwire::LaunchRequest request;
  std::vector<int> fds;
  if (client != nullptr) {
    request.has_client = true;
    request.buffered = client->buffered;
    fds.push_back(client->fd.get());
  }
  if (user_namespace != nullptr) {
    request.has_user_namespace = true;
    fds.push_back(user_namespace->get());
  }
  request.spec = shimwire::encode(spec);
  return send(ToSupervisor::launch, shimwire::encode(request), fds);
}

base::Status SupervisorLink::exec(uint64_t job, const core::Command& command, const ClientSocket& client) {
  return send(ToSupervisor::exec, shimwire::encode(shimwire::ExecRequest{job, command, client.buffered}),
              {client.fd.get()});
}

base::Status SupervisorLink::attach(uint16_t rows, uint16_t columns, const ClientSocket& client) {
  return send(ToSupervisor::attach, shimwire::encode(shimwire::AttachRequest{client.buffered, rows, columns}),
              {client.fd.get()});
}

base::Status SupervisorLink::signal(int number) {
  return send(ToSupervisor::signal, shimwire::encode(shimwire::SignalRequest{number}));
}

base::Status SupervisorLink::stop(uint32_t grace_milliseconds, const std::string& by_rule) {
  return send(ToSupervisor::stop, shimwire::encode(shimwire::StopRequest{grace_milliseconds, by_rule}));
}

base::Status SupervisorLink::isolate() {
  return send(ToSupervisor::isolate, {});
}

base::Status SupervisorLink::throttle(uint64_t bytes_per_second) {
  return send(ToSupervisor::throttle, shimwire::encode(shimwire::ThrottleRequest{bytes_per_second}));
}

base::Status SupervisorLink::tell_watching(bool by_clock, uint64_t read) {
  return send(ToSupervisor::watch, shimwire::encode(shimwire::WatchNotice{by_clock, read}));
}

base::Status SupervisorLink::tell_paused(bool paused) {
  return send(ToSupervisor::paused, shimwire::encode(shimwire::PausedNotice{paused}));
}

base::Status SupervisorLink::extend(uint64_t milliseconds) {
  return send(ToSupervisor::extend, shimwire::encode(shimwire::ExtendRequest{milliseconds}));
}

base::Status SupervisorLink::import_file(const std::string& path, uint32_t mode, int file) {
  return send(ToSupervisor::import_file, shimwire::encode(shimwire::ImportRequest{path, mode}), {file});
}

base::Status SupervisorLink::set_egress(const core::EgressPolicy& policy) {
  return send(ToSupervisor::egress, shimwire::encode(policy));
}

base::Result<shimwire::Packet> SupervisorLink::receive() {
  return shimwire::receive_packet(socket_.get());
}

void send_failure(const ClientSocket& client, const base::Error& error, int exit_code) {
  std::string frames;
  wire::append_frame(frames, wire::FrameType::error, wire::problem_text(error));
  wire::append_frame(frames, wire::FrameType::exit, wire::encode_exit({exit_code, false}));
  // A few hundred bytes into an empty socket buffer: it does not block.
  static_cast<void>(base::send_message(client.fd.get(), frames));
}

}  // namespace hv::runtime
