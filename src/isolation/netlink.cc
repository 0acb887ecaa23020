#include "isolation/netlink.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace hv::isolation {

namespace {

constexpr size_t aligned(size_t size) {
  return (size + 3) & ~size_t{3};
}

}  // namespace

NetlinkBatch& NetlinkBatch::begin(uint16_t type, uint16_t flags, std::string_view header) {
  end_message();
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  head.nlmsg_seq = ++sequence_;
  message_ = data_.size();
  open_ = true;
  data_.append(reinterpret_cast<const char*>(&head), sizeof head);
  data_.append(header);
  data_.resize(aligned(data_.size()));
  return *this;
}

NetlinkBatch& NetlinkBatch::attribute(uint16_t type, std::string_view value) {
  nlattr head{static_cast<uint16_t>(sizeof(nlattr) + value.size()), type};
  data_.append(reinterpret_cast<const char*>(&head), sizeof head);
  data_.append(value);
  data_.resize(aligned(data_.size()));
  return *this;
}

NetlinkBatch& NetlinkBatch::text(uint16_t type, std::string_view value) {
  std::string with_end(value);
  with_end.push_back('\0');
  return attribute(type, with_end);
}

NetlinkBatch& NetlinkBatch::native32(uint16_t type, uint32_t value) {
  return attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
}

NetlinkBatch& NetlinkBatch::big32(uint16_t type, uint32_t value) {
  return native32(type, htonl(value));
}

size_t NetlinkBatch::open_nest(uint16_t type) {
  size_t start = data_.size();
  attribute(type | NLA_F_NESTED, {});
  return start;
}

void NetlinkBatch::close_nest(size_t start) {
  auto length = static_cast<uint16_t>(data_.size() - start);
  std::memcpy(data_.data() + start, &length, sizeof length);
}

void NetlinkBatch::end_message() {
  if (!open_) return;
  auto length = static_cast<uint32_t>(data_.size() - message_);
  std::memcpy(data_.data() + message_, &length, sizeof length);
  open_ = false;
}

std::string NetlinkBatch::take() {
  end_message();
  return std::move(data_);
}

base::Result<base::Fd> open_netlink(int family) {
  base::Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
  if (!socket) return base::Failure(base::Error::from_errno(errno, "make a netlink socket"));
  return socket;
}

base::Status exchange(int socket, const std::string& batch, uint32_t acknowledged, std::string_view operation) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(socket, batch.data(), batch.size(), 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0)
    return base::Failure(base::Error::from_errno(errno, operation));
  // The kernel works through the batch within sendto(): its answers are there already, or never come.
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  for (;;) {
    ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::Failure(base::Error::from_errno(errno, operation, "no acknowledgement"));
    size_t rest = static_cast<size_t>(count);
    for (size_t offset = 0; rest - offset >= sizeof(nlmsghdr);) {
      nlmsghdr head{};
      std::memcpy(&head, buffer.data() + offset, sizeof head);
      if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest - offset) break;
      if (head.nlmsg_type == NLMSG_ERROR && head.nlmsg_len >= sizeof head + sizeof(nlmsgerr)) {
        nlmsgerr answer{};
        std::memcpy(&answer, buffer.data() + offset + sizeof head, sizeof answer);
        if (answer.error != 0) return base::Failure(base::Error::from_errno(-answer.error, operation));
        if (head.nlmsg_seq == acknowledged) return {};
      }
      offset += aligned(head.nlmsg_len);
      if (offset > rest) break;
    }
  }
}

}  // namespace hv::isolation
