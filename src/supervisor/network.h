// The supervisor's end of the gateway: gives it the sandbox's sockets, records what it asks before it goes on,
// and tells it the policy.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "core/launch.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"
#include "shimwire/spool.h"
#include "supervisor/attempt_queue.h"
#include "supervisor/connection_owner.h"
#include "supervisor/discretion.h"
#include "supervisor/gateway_process.h"

namespace hv::supervisor {

class Network {
 public:
  struct Hooks {
    // Returns once the record is written.
    std::function<base::Status(shimwire::SpoolFamily family, const std::string& payload)> record;
    // The gateway has ended for good: what it served is refused from now on.
    std::function<void(const std::string& reason)> lost;
  };

  struct Init {
    int control;
    pid_t pid;
  };
  // Receives the sandbox's sockets from init, whose `failed` becomes the error, and gives them to the gateway. `state`
  // is the sandbox's directory, where the map of names lies. `discretion` outlives it.
  static base::Result<std::unique_ptr<Network>> start(base::EventLoop& loop, const core::LaunchSpec& spec, Init init,
                                                      int state, GatewayProcess gateway, const Discretion& discretion,
                                                      Hooks hooks);
  ~Network();

  // Nothing runs inside any more: takes the gateway's last words, which tell of the connections that were still open
  // and of what was only counted. Waits for them, but not for long.
  void finish();

  base::Status set_policy(const core::EgressPolicy& policy);
  // Nothing leaves any more. Attempts are still recorded, unless there are host ports: these end with the gateway.
  void isolate();
  // Bytes a second, in and out together, from now on; 0: as many as come.
  void set_rate(uint64_t bytes_per_second);

 private:
  Network(base::EventLoop& loop, const core::LaunchSpec& spec, const Discretion& discretion, Hooks hooks)
      : loop_(loop),
        spec_(spec),
        policy_(spec.egress),
        discretion_(discretion),
        hooks_(std::move(hooks)),
        attempts_(loop, {}) {}
  void on_gateway();
  void handle(const shimwire::Packet& packet);
  base::Status send_setup();
  void ask(shimwire::SpoolFamily family, std::string payload, shimwire::Gateway reply, uint64_t number);
  void tell(shimwire::SpoolFamily family, const std::string& payload);
  void answer(shimwire::Gateway type, uint64_t number);
  void find_process(uint64_t connection, const core::Flow& flow);
  void name_process(core::NetworkEvent& event) const;
  void name_process(shimwire::HostPortEvent& event) const;

  base::EventLoop& loop_;
  const core::LaunchSpec& spec_;
  core::EgressPolicy policy_;
  const Discretion& discretion_;
  Hooks hooks_;
  base::Fd map_;
  base::Fd control_;
  std::optional<base::ChildProcess> process_;
  bool serves_ = false;  // it has been told what for, and may have something to tell
  AttemptQueue attempts_;
  std::optional<ConnectionOwner> owner_;
  std::map<uint64_t, ConnectionOwner::Process> processes_;  // by connection
  uint64_t last_connection_ = 0;
  uint64_t rate_ = 0;
  std::string failure_;
};

}  // namespace hv::supervisor
