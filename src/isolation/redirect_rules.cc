#include "isolation/redirect_rules.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "isolation/netlink.h"

namespace hv::isolation {

namespace {

constexpr std::string_view kTable = "hydravisor";
constexpr uint32_t kCopiedBytes = 128;  // of a refused packet: addresses, ports, and what shows its protocol

std::string nfnetlink_header(uint8_t family, uint16_t resource) {
  nfgenmsg header{family, NFNETLINK_V0, htons(resource)};
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

constexpr uint16_t message(uint16_t type) {
  return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
}

// The rules as nft(8) would print them stand beside each; a rule is a list of expressions over registers.
class Rules {
 public:
  Rules() { batch_.begin(NFNL_MSG_BATCH_BEGIN, 0, nfnetlink_header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES)); }

  void table() { begin(NFT_MSG_NEWTABLE, NLM_F_CREATE).text(NFTA_TABLE_NAME, kTable); }

  void chain(std::string_view name, std::string_view type, int32_t priority) {
    begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE).text(NFTA_CHAIN_TABLE, kTable).text(NFTA_CHAIN_NAME, name);
    batch_.nest(NFTA_CHAIN_HOOK, [&] {
      batch_.big32(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT).big32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
    });
    batch_.text(NFTA_CHAIN_TYPE, type);
  }

  template <typename F>
  void rule(std::string_view chain, F expressions) {
    // Only the last message of the batch is acknowledged; failures are told of anyhow.
    begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND).text(NFTA_RULE_TABLE, kTable).text(NFTA_RULE_CHAIN, chain);
    batch_.nest(NFTA_RULE_EXPRESSIONS, expressions);
  }

  void meta(uint32_t key) {
    expression("meta", [&] { batch_.big32(NFTA_META_KEY, key).big32(NFTA_META_DREG, NFT_REG_1); });
  }
  void payload(uint32_t base, uint32_t offset, uint32_t length) {
    expression("payload", [&] {
      batch_.big32(NFTA_PAYLOAD_DREG, NFT_REG_1).big32(NFTA_PAYLOAD_BASE, base);
      batch_.big32(NFTA_PAYLOAD_OFFSET, offset).big32(NFTA_PAYLOAD_LEN, length);
    });
  }
  void compare(std::string_view value, uint32_t operation = NFT_CMP_EQ) {
    expression("cmp", [&] {
      batch_.big32(NFTA_CMP_SREG, NFT_REG_1).big32(NFTA_CMP_OP, operation);
      batch_.nest(NFTA_CMP_DATA, [&] { batch_.attribute(NFTA_DATA_VALUE, value); });
    });
  }
  void equals8(uint8_t value) { compare({reinterpret_cast<const char*>(&value), 1}); }
  void equals16(uint16_t value) {
    uint16_t big = htons(value);
    compare({reinterpret_cast<const char*>(&big), sizeof big});
  }
  void family(uint8_t value) {
    meta(NFT_META_NFPROTO);
    equals8(value);
  }
  void protocol(uint8_t value) {
    meta(NFT_META_L4PROTO);
    equals8(value);
  }
  void port(uint32_t offset, uint16_t value) {
    payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
    equals16(value);
  }
  void verdict(uint32_t code) {
    expression("immediate", [&] {
      batch_.big32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
      batch_.nest(NFTA_IMMEDIATE_DATA,
                  [&] { batch_.nest(NFTA_DATA_VERDICT, [&] { batch_.big32(NFTA_VERDICT_CODE, code); }); });
    });
  }
  void redirect(uint16_t to) {
    uint16_t big = htons(to);
    expression("immediate", [&] {
      batch_.big32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
      batch_.nest(NFTA_IMMEDIATE_DATA,
                  [&] { batch_.attribute(NFTA_DATA_VALUE, {reinterpret_cast<const char*>(&big), sizeof big}); });
    });
    expression("redir", [&] {
      batch_.big32(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1).big32(NFTA_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
    });
  }
  void log() {
    expression("log", [&] {
      uint16_t group = htons(kRefusedPackets);
      batch_.attribute(NFTA_LOG_GROUP, {reinterpret_cast<const char*>(&group), sizeof group});
      batch_.big32(NFTA_LOG_SNAPLEN, kCopiedBytes);
    });
  }
  void reject() {
    expression("reject", [&] {
      batch_.big32(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
      uint8_t code = NFT_REJECT_ICMPX_PORT_UNREACH;
      batch_.attribute(NFTA_REJECT_ICMP_CODE, {reinterpret_cast<const char*>(&code), 1});
    });
  }

  base::Status apply(int socket) {
    // The table once more, only to have something at the end that is acknowledged.
    begin(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK).text(NFTA_TABLE_NAME, kTable);
    uint32_t last = batch_.last_sequence();
    batch_.begin(NFNL_MSG_BATCH_END, 0, nfnetlink_header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    return exchange(socket, batch_.take(), last, "set the sandbox's packet rules");
  }

 private:
  NetlinkBatch& begin(uint16_t type, uint16_t flags) {
    return batch_.begin(message(type), flags, nfnetlink_header(NFPROTO_INET, 0));
  }
  template <typename F>
  void expression(std::string_view name, F data) {
    batch_.nest(NFTA_LIST_ELEM, [&] {
      batch_.text(NFTA_EXPR_NAME, name);
      batch_.nest(NFTA_EXPR_DATA, data);
    });
  }
  NetlinkBatch batch_;
};

constexpr uint32_t kSourcePort = 0;
constexpr uint32_t kDestinationPort = 2;
constexpr uint16_t kDns = 53;

void to_loopback(Rules& rules, std::string_view chain, uint8_t protocol) {
  // ip daddr 127.0.0.0/8 accept
  rules.rule(chain, [&] {
    rules.family(NFPROTO_IPV4);
    rules.protocol(protocol);
    rules.payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 1);
    rules.equals8(127);
    rules.verdict(NF_ACCEPT);
  });
  // ip6 daddr ::1 accept
  rules.rule(chain, [&] {
    rules.family(NFPROTO_IPV6);
    rules.protocol(protocol);
    rules.payload(NFT_PAYLOAD_NETWORK_HEADER, 24, 16);
    rules.compare({reinterpret_cast<const char*>(&in6addr_loopback), sizeof in6addr_loopback});
    rules.verdict(NF_ACCEPT);
  });
}

// Programs that serve on loopback are reached as ever; questions to any DNS server reach ours, which has port 53 of
// every address.
void redirect_connections(Rules& rules, uint16_t port) {
  rules.chain("connections", "nat", -100);
  to_loopback(rules, "connections", IPPROTO_TCP);
  // tcp dport 53 accept
  rules.rule("connections", [&] {
    rules.protocol(IPPROTO_TCP);
    rules.port(kDestinationPort, kDns);
    rules.verdict(NF_ACCEPT);
  });
  // meta l4proto tcp redirect to :port
  rules.rule("connections", [&] {
    rules.protocol(IPPROTO_TCP);
    rules.redirect(port);
  });
}

void refuse_the_rest(Rules& rules, bool told_of) {
  constexpr std::string_view kChain = "refused";
  rules.chain(kChain, "filter", 0);
  // meta l4proto tcp accept
  rules.rule(kChain, [&] {
    rules.protocol(IPPROTO_TCP);
    rules.verdict(NF_ACCEPT);
  });
  to_loopback(rules, kChain, IPPROTO_UDP);
  // udp dport 53 accept; udp sport 53 accept (the answers: an agent cannot bind that port)
  for (uint32_t port : {kDestinationPort, kSourcePort})
    rules.rule(kChain, [&] {
      rules.protocol(IPPROTO_UDP);
      rules.port(port, kDns);
      rules.verdict(NF_ACCEPT);
    });
  // meta l4proto udp log group 1 reject
  rules.rule(kChain, [&] {
    rules.protocol(IPPROTO_UDP);
    if (told_of) rules.log();
    rules.reject();
  });
  // What tells a program of the refusal has to arrive: icmp type destination-unreachable accept
  rules.rule(kChain, [&] {
    rules.protocol(IPPROTO_ICMP);
    rules.payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    rules.equals8(ICMP_DEST_UNREACH);
    rules.verdict(NF_ACCEPT);
  });
  rules.rule(kChain, [&] {
    rules.protocol(IPPROTO_ICMPV6);
    rules.payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    rules.equals8(ICMPV6_DEST_UNREACH);
    rules.verdict(NF_ACCEPT);
  });
  // log group 1 drop
  rules.rule(kChain, [&] {
    if (told_of) rules.log();
    rules.verdict(NF_DROP);
  });
}

base::Status apply(int socket, uint16_t port, bool told_of) {
  Rules rules;
  rules.table();
  redirect_connections(rules, port);
  refuse_the_rest(rules, told_of);
  return rules.apply(socket);
}

bool means_missing(int error_number) {
  constexpr std::array kMissing{EOPNOTSUPP, EPROTONOSUPPORT, ENOPROTOOPT, ENOENT, EAFNOSUPPORT, EINVAL};
  return std::ranges::find(kMissing, error_number) != kMissing.end();
}

base::Failure no_nftables(const base::Error& cause) {
  return base::Failure(base::unsupported(cause.message() + ": this kernel has no nftables, or a part of it is missing")
                           .with_hint("load the modules as root: modprobe -a nf_tables nft_chain_nat nft_redir "
                                      "nft_reject_inet; or run without network: --network none"));
}

}  // namespace

base::Result<RedirectRules> apply_redirect_rules(uint16_t gateway_port) {
  return apply_redirect_rules(open_netlink(NETLINK_NETFILTER), gateway_port);
}

base::Result<RedirectRules> apply_redirect_rules(base::Result<base::Fd> socket, uint16_t gateway_port) {
  if (!socket) return no_nftables(socket.error());
  base::Status applied = apply(socket->get(), gateway_port, true);
  if (applied) return RedirectRules{true};
  if (!means_missing(applied.error().os_error())) return base::Failure(std::move(applied).error());
  // A kernel without nfnetlink_log refuses the whole batch for its log expression.
  if (apply(socket->get(), gateway_port, false)) return RedirectRules{false};
  return no_nftables(applied.error());
}

base::Result<base::Fd> open_refused_packets() {
  base::Fd socket = HV_TRY(open_netlink(NETLINK_NETFILTER));
  NetlinkBatch batch;
  constexpr auto kConfigure = static_cast<uint16_t>(NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
  batch.begin(kConfigure, 0, nfnetlink_header(AF_UNSPEC, kRefusedPackets));
  nfulnl_msg_config_cmd bind{NFULNL_CFG_CMD_BIND};
  batch.attribute(NFULA_CFG_CMD, {reinterpret_cast<const char*>(&bind), sizeof bind});
  batch.begin(kConfigure, NLM_F_ACK, nfnetlink_header(AF_UNSPEC, kRefusedPackets));
  nfulnl_msg_config_mode mode{htonl(kCopiedBytes), NFULNL_COPY_PACKET, 0};
  batch.attribute(NFULA_CFG_MODE, {reinterpret_cast<const char*>(&mode), sizeof mode});
  // Told of within a tenth of a second, several at a time when there are many.
  batch.big32(NFULA_CFG_TIMEOUT, 10);
  batch.big32(NFULA_CFG_QTHRESH, 32);
  uint32_t last = batch.last_sequence();
  HV_TRY(exchange(socket.get(), batch.take(), last, "be told of refused packets"));
  HV_TRY(base::set_nonblocking(socket.get(), true));
  return socket;
}

}  // namespace hv::isolation
