// The daemon's end of one supervisor: starts it or finds it again, and speaks shimwire with it. Every call only queues
// a message; answers arrive on fd() and are read with receive().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "core/launch.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"

namespace hv::runtime {

// A front end's connection on its way to the supervisor.
struct ClientSocket {
  base::Fd fd;
  std::string buffered;
};

class SupervisorLink {
 public:
  // Starts `program` (hydravisor-supervisor). It waits for launch(); until then the caller can prepare what the launch
  // needs.
  static base::Result<SupervisorLink> spawn(const std::string& program);
  // Connects to the supervisor of a sandbox that outlived its daemon and asks for its status. One that has only just
  // taken the sandbox's lock is waited for, a few seconds at most. not_found or unavailable when none lives.
  static base::Result<SupervisorLink> adopt(const std::string& state_directory);

  // Has it lay the groundwork of the launch that will probably follow; what goes wrong is told by that launch.
  base::Status prepare(const core::Groundwork& ground, const base::Fd* user_namespace);
  base::Status launch(const core::LaunchSpec& spec, const ClientSocket* client, const base::Fd* user_namespace);
  base::Status exec(uint64_t job, const core::Command& command, const ClientSocket& client);
  base::Status attach(uint16_t rows, uint16_t columns, const ClientSocket& client);
  base::Status signal(int number);
  // `by_rule` says what of the policy ends it.
  base::Status stop(uint32_t grace_milliseconds, const std::string& by_rule = {});
  base::Status tell_paused(bool paused);
  base::Status extend(uint64_t milliseconds);
  // Nothing leaves it any more, until it is started again.
  base::Status isolate();
  // Of its network, in and out together, from now on; 0: as many bytes as come.
  base::Status throttle(uint64_t bytes_per_second);
  // Whether the caller looks at the spool by itself, so that nothing in it needs to be announced. When it does not any
  // more, what stands behind record `read` is announced.
  base::Status tell_watching(bool by_clock, uint64_t read);
  base::Status import_file(const std::string& path, uint32_t mode, int file);

  // Holds from now on, for connections that are open too; only where the sandbox was started with a network.
  base::Status set_egress(const core::EgressPolicy& policy);

  // Readable when a message waits; non-blocking.
  int fd() const { return socket_.get(); }
  // not_found when the supervisor has gone, unavailable when nothing waits.
  base::Result<shimwire::Packet> receive();
  // The child to reap; 0 when it was adopted.
  pid_t child() const { return child_; }
  // The cgroup made for it, in which its sandbox's is to be; empty where sandboxes' cgroups lie elsewhere.
  const std::string& cgroup() const { return cgroup_; }
  void lies_in(std::string cgroup) { cgroup_ = std::move(cgroup); }

 private:
  SupervisorLink(base::Fd socket, pid_t child) : socket_(std::move(socket)), child_(child) {}
  static base::Result<SupervisorLink> connect(const std::string& state_directory);
  base::Status send(shimwire::ToSupervisor type, const std::string& body, const std::vector<int>& fds = {});

  base::Fd socket_;
  pid_t child_ = 0;
  std::string cgroup_;
};

// Tells a front end that waits on a stream why nothing will come, and ends the stream. A client that is gone loses
// nothing.
void send_failure(const ClientSocket& client, const base::Error& error, int exit_code = 125);

}  // namespace hv::runtime
