#include "isolation/socket_inode.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "isolation/netlink.h"

namespace hv::isolation {

namespace {

using base::Error;
using base::Failure;

constexpr const char* kOperation = "look for a connection's socket";

inet_diag_req_v2 question(const core::Flow& flow) {
  inet_diag_req_v2 asked{};
  asked.sdiag_family = flow.source.v6 ? AF_INET6 : AF_INET;
  asked.sdiag_protocol = IPPROTO_TCP;
  asked.idiag_states = ~0U;
  asked.id.idiag_sport = htons(flow.source_port);
  asked.id.idiag_dport = htons(flow.target_port);
  auto put = [](__be32(&to)[4], const core::IpAddress& address) {
    if (address.v6) {
      std::memcpy(to, address.bytes.data(), sizeof to);
    } else {
      to[0] = htonl(address.v4());
    }
  };
  put(asked.id.idiag_src, flow.source);
  put(asked.id.idiag_dst, flow.target);
  std::ranges::fill(asked.id.idiag_cookie, INET_DIAG_NOCOOKIE);
  return asked;
}

}  // namespace

base::Result<uint64_t> socket_inode(int diagnosis, const core::Flow& flow) {
  inet_diag_req_v2 asked = question(flow);
  NetlinkBatch batch;
  batch.begin(SOCK_DIAG_BY_FAMILY, 0, {reinterpret_cast<const char*>(&asked), sizeof asked});
  std::string message = batch.take();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(diagnosis, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0)
    return Failure(Error::from_errno(errno, kOperation));
  // The kernel answers within sendto().
  alignas(nlmsghdr) std::array<char, 2048> buffer;
  ssize_t count = ::recv(diagnosis, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) return Failure(Error::from_errno(errno, kOperation));
  nlmsghdr head{};
  inet_diag_msg found{};
  nlmsgerr failed{};
  auto size = static_cast<size_t>(count);
  if (size >= sizeof head) std::memcpy(&head, buffer.data(), sizeof head);
  if (head.nlmsg_type == NLMSG_ERROR && size >= sizeof head + sizeof failed) {
    std::memcpy(&failed, buffer.data() + sizeof head, sizeof failed);
    return Failure(Error::from_errno(-failed.error, kOperation));
  }
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || size < sizeof head + sizeof found)
    return Failure(base::internal_error("the kernel's answer about a socket is not one"));
  std::memcpy(&found, buffer.data() + sizeof head, sizeof found);
  // A socket that no process holds any more has no number.
  if (found.idiag_inode == 0) return Failure(base::not_found("no process holds the connection"));
  return found.idiag_inode;
}

}  // namespace hv::isolation
