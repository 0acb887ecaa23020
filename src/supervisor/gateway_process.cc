#include "supervisor/gateway_process.h"

#include <sys/socket.h>

#include "base/unix_socket.h"
#include "supervisor/programs.h"

namespace hv::supervisor {

base::Result<GatewayProcess> GatewayProcess::start() {
  base::SocketPair control = HV_TRY(base::make_socket_pair(SOCK_SEQPACKET));
  base::CommandSpec command;
  command.program = HV_TRY(own_directory()) + "/hydravisor-gateway";
  command.arguments = {"serve"};
  command.fds = {{control.second.get(), 3}};
  return GatewayProcess{HV_TRY(base::spawn(command)), std::move(control.first)};
}

}  // namespace hv::supervisor
