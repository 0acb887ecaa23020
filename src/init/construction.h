// The sandbox built from inside, by PID 1 before anything of the agent exists: loopback, mount tree, cgroup, ids. In
// two steps, so that the first can be done before anybody asks for a sandbox.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "core/launch.h"
#include "isolation/egress_net.h"
#include "isolation/mounts.h"
#include "shimwire/protocol.h"

namespace hv::init {

class Construction {
 public:
  // Needs every capability in its namespaces, and the host's tree in view. `sources` are the opened ones of the
  // groundwork's mounts, when the message has their shape.
  static base::Result<Construction> begin(shimwire::InitGround message, std::vector<base::Fd> sources);

  // `pass_out` hands the gateway's sockets to the supervisor, each with its use. Afterwards the process stands in the
  // sandbox's own root, as the agent's ids, in its cgroup, without capabilities.
  using PassOut = std::function<void(const std::vector<isolation::OpenedSocket>& sockets)>;
  base::Status complete(const shimwire::InitSetup& setup, std::vector<base::Fd> descriptors,
                        const PassOut& pass_out) &&;

  const core::Groundwork& ground() const { return ground_; }

 private:
  Construction(core::Groundwork ground, isolation::RootTree tree, std::vector<isolation::OpenedSocket> sockets)
      : ground_(std::move(ground)), tree_(std::move(tree)), sockets_(std::move(sockets)) {}
  core::Groundwork ground_;
  isolation::RootTree tree_;
  std::vector<isolation::OpenedSocket> sockets_;  // of the gateway
};

}  // namespace hv::init
