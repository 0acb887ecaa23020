#include "isolation/socket_inode.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "isolation/netlink.h"

namespace hv::isolation {
namespace {

struct Loopback {
  base::Fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  base::Fd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  base::Fd server;
  core::Flow flow;

  Loopback() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* at = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), at, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    ::getsockname(listener.get(), at, &size);
    EXPECT_EQ(::connect(client.get(), at, size), 0);
    server = base::Fd(::accept(listener.get(), nullptr, nullptr));
    flow.target = flow.source = core::IpAddress::from_v4(INADDR_LOOPBACK);
    flow.target_port = ntohs(address.sin_port);
    ::getsockname(client.get(), at, &size);
    flow.source_port = ntohs(address.sin_port);
  }
};

uint64_t inode_of(const base::Fd& fd) {
  struct stat about{};
  ::fstat(fd.get(), &about);
  return about.st_ino;
}

class SocketInode : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_netlink(NETLINK_SOCK_DIAG);
    ASSERT_TRUE(opened) << opened.error().text();
    diagnosis_ = *std::move(opened);
  }
  base::Fd diagnosis_;
};

TEST_F(SocketInode, IsOfTheEndThatIsTheSource) {
  Loopback pair;
  EXPECT_EQ(socket_inode(diagnosis_.get(), pair.flow), inode_of(pair.client));
  std::swap(pair.flow.source_port, pair.flow.target_port);
  EXPECT_EQ(socket_inode(diagnosis_.get(), pair.flow), inode_of(pair.server));
}

TEST_F(SocketInode, IsNotFoundWhereThereIsNoSuchConnection) {
  Loopback pair;
  pair.flow.target_port = 1;
  auto found = socket_inode(diagnosis_.get(), pair.flow);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), base::ErrorCode::not_found) << found.error().text();
}

TEST_F(SocketInode, IsNotFoundOnceNobodyHoldsTheSocket) {
  Loopback pair;
  pair.client.close();
  EXPECT_FALSE(socket_inode(diagnosis_.get(), pair.flow));
}

}  // namespace
}  // namespace hv::isolation
