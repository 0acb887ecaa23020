#include "gateway/refused_packets.h"

#include <algorithm>
#include <cstring>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>

namespace hv::gateway {

using core::NetworkEvent;

namespace {

constexpr size_t aligned(size_t size) {
  return (size + 3) & ~size_t{3};
}

std::string protocol_text(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_ICMPV6:
      return "icmpv6";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return "ip-" + std::to_string(protocol);
  }
}

}  // namespace

NetworkEvent read_packet(std::string_view packet) {
  NetworkEvent event;
  event.kind = NetworkEvent::Kind::datagram;
  event.rule = "datagrams";
  event.error = "only TCP and DNS leave a sandbox";
  auto byte = [&](size_t at) { return at < packet.size() ? static_cast<uint8_t>(packet[at]) : uint8_t{0}; };
  size_t transport = 0;
  uint8_t protocol = 0;
  core::IpAddress destination;
  if (byte(0) >> 4 == 4 && packet.size() >= 20) {
    transport = size_t{4} * (byte(0) & 15);
    protocol = byte(9);
    std::copy_n(packet.begin() + 16, 4, destination.bytes.begin());
  } else if (byte(0) >> 4 == 6 && packet.size() >= 40) {
    transport = 40;
    protocol = byte(6);
    destination.v6 = true;
    std::copy_n(packet.begin() + 24, 16, destination.bytes.begin());
  } else {
    return event;
  }
  event.address = destination.text();
  event.protocol = protocol_text(protocol);
  bool has_ports = protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == IPPROTO_UDPLITE;
  if (has_ports && packet.size() >= transport + 4)
    event.port = static_cast<uint16_t>(byte(transport + 2) << 8 | byte(transport + 3));
  return event;
}

std::vector<NetworkEvent> read_refused_packets(std::string_view messages) {
  std::vector<NetworkEvent> events;
  while (messages.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, messages.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > messages.size()) break;
    std::string_view rest = messages.substr(0, head.nlmsg_len);
    messages.remove_prefix(std::min(aligned(head.nlmsg_len), messages.size()));
    constexpr size_t kHeads = sizeof(nlmsghdr) + sizeof(nfgenmsg);
    if (head.nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) || rest.size() < kHeads) continue;
    rest.remove_prefix(kHeads);
    while (rest.size() >= sizeof(nlattr)) {
      nlattr attribute{};
      std::memcpy(&attribute, rest.data(), sizeof attribute);
      if (attribute.nla_len < sizeof attribute || attribute.nla_len > rest.size()) break;
      if ((attribute.nla_type & NLA_TYPE_MASK) == NFULA_PAYLOAD)
        events.push_back(read_packet(rest.substr(sizeof attribute, attribute.nla_len - sizeof attribute)));
      rest.remove_prefix(std::min(aligned(attribute.nla_len), rest.size()));
    }
  }
  return events;
}

}  // namespace hv::gateway
