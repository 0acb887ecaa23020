// A supervisor whose daemon is of another version: the programs were replaced while it ran.
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unix_socket.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"
#include "supervisor/supervisor.h"

namespace hv::supervisor {
namespace {

std::string answer_to(const shimwire::LaunchRequest& request) {
  base::SocketPair pair = *base::make_socket_pair(SOCK_SEQPACKET);
  int status = 0;
  std::thread served([&] { status = Supervisor::serve(std::move(pair.second)); });
  EXPECT_TRUE(
      shimwire::send_packet(pair.first.get(), static_cast<uint8_t>(ToSupervisor::launch), shimwire::encode(request)));
  base::Result<shimwire::Packet> answer = shimwire::receive_packet(pair.first.get());
  served.join();
  EXPECT_EQ(status, 125);
  if (!answer || answer->type != static_cast<uint8_t>(FromSupervisor::launch_failed)) return {};
  return shimwire::to_error(*shimwire::decode<shimwire::Problem>(answer->body)).text();
}

TEST(SupervisorProtocol, RefusesALaunchOfAnotherVersionAndSaysWhatToDo) {
  shimwire::LaunchRequest request;
  request.protocol = shimwire::kProtocol + 1;
  request.spec = "what nobody here knows";
  std::string said = answer_to(request);
  EXPECT_NE(said.find("the daemon is of another version"), std::string::npos) << said;
  EXPECT_NE(said.find("hydravisor daemon stop"), std::string::npos) << said;
}

TEST(SupervisorProtocol, ALaunchOfThisVersionThatMakesNoSenseIsNotTakenForOne) {
  shimwire::LaunchRequest request;
  request.spec = "nonsense";
  EXPECT_EQ(answer_to(request), "");
}

}  // namespace
}  // namespace hv::supervisor
