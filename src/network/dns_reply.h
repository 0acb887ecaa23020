// The gateway's own questions to a resolver outside, and what comes back: nobody's word but the network's, so the same
// care as for the sandbox's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/dns_message.h"

namespace hv::network {

struct DnsQuestion {
  uint16_t id = 0;  // random: an answer is believed by it, by its question and by where it came from
  DnsName name;
  DnsType type = DnsType::a;
};

// Recursion desired, EDNS with 1232 bytes.
std::string write_query(const DnsQuestion& question);

struct DnsReply {
  DnsCode code = DnsCode::no_error;
  bool truncated = false;             // ask again over TCP
  std::vector<DnsAddress> addresses;  // of the type asked for, at the end of the chain of aliases
  DnsName canonical;                  // where that chain ended
  uint32_t ttl = 0;                   // the smallest of all that was used; of a negative answer what its SOA says
};

// conflict when the message is not the answer to this question (go on waiting: it may be forged), invalid_argument
// when it is and cannot be read. Chains longer than 16 aliases are refused, records of other owners ignored.
base::Result<DnsReply> parse_reply(std::string_view message, const DnsQuestion& question);

}  // namespace hv::network
