// hydravisor-gateway: the only way out of a sandbox. Started by the supervisor with its socket as descriptor 3 and the
// listening sockets after it; how many is the argument. It may read no file, start nothing and, from kernel 6.7 on,
// dial only the ports it was given.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "gateway/forwarder.h"
#include "isolation/capabilities.h"
#include "isolation/landlock.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"

namespace {

using hv::base::Status;

constexpr int kSupervisor = 3;
constexpr int kFirstListener = 4;

uint16_t port_of(int socket) {
  sockaddr_in6 address{};
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);
}

Status confine(int listeners) {
  hv::isolation::LandlockPlan plan;
  hv::isolation::TcpPorts ports;
  for (int i = 0; i < listeners; ++i) ports.connect.push_back(port_of(kFirstListener + i));
  plan.tcp = std::move(ports);
  HV_TRY(hv::isolation::set_no_new_privs());
  HV_TRY(hv::isolation::drop_all_capabilities());
  HV_TRY(hv::isolation::apply_landlock(plan));
  return {};
}

Status serve(int listeners) {
  HV_TRY(confine(listeners));
  hv::base::EventLoop loop = HV_TRY(hv::base::EventLoop::create());
  hv::gateway::Forwarder forwarder(loop, kSupervisor);
  for (int i = 0; i < listeners; ++i) HV_TRY(forwarder.listen(hv::base::Fd(kFirstListener + i)));
  HV_TRY(loop.watch(kSupervisor, EPOLLIN, [&](uint32_t) {
    auto packet = hv::shimwire::receive_packet(kSupervisor);
    if (!packet) return loop.stop();
    hv::shimwire::Reader reader(packet->body);
    uint64_t number = reader.u64();
    if (packet->type == static_cast<uint8_t>(hv::shimwire::Gateway::proceed) && reader.finish())
      forwarder.proceed(number);
  }));
  return loop.run();
}

}  // namespace

int main(int argc, char** argv) {
  int listeners = argc == 2 ? std::atoi(argv[1]) : 0;
  if (listeners <= 0) {
    std::fputs("hydravisor-gateway is started by hydravisor-supervisor and is not meant to be run by hand\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  return serve(listeners) ? 0 : 125;
}
