// What the sandbox asks and what it is told (RFC 1035, 6891, 2308): queries are read strictly, and an answer echoes
// the question as it was asked.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "network/dns_name.h"

namespace hv::network {

using Ipv4Bytes = std::array<uint8_t, 4>;
using Ipv6Bytes = std::array<uint8_t, 16>;
using DnsAddress = std::variant<Ipv4Bytes, Ipv6Bytes>;

enum class DnsType : uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33,
  opt = 41,
  svcb = 64,
  https = 65,
  any = 255,
};
constexpr uint16_t kDnsInternet = 1;

enum class DnsCode : uint16_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3,
  not_implemented = 4,
  refused = 5,
  bad_version = 16,
};

enum class DnsTransport { udp, tcp };

struct DnsQuery {
  uint16_t id = 0;
  DnsName name;
  DnsType type = DnsType::a;  // any value, named or not
  uint16_t dns_class = kDnsInternet;
  bool recursion_desired = false;
  bool checking_disabled = false;
  bool edns = false;
  uint16_t payload_size = 512;  // what the client takes over UDP, at least 512
  bool dnssec_ok = false;

  bool operator==(const DnsQuery&) const = default;
};

struct DnsFault {
  std::string reason;
  // The whole message to send back; empty when nothing may be sent: the input was a response or had no header, and
  // answering it could make two servers talk for ever.
  std::string answer;
};

// One message without the length that TCP puts before it.
std::expected<DnsQuery, DnsFault> parse_query(std::string_view message);

// A record's data: A, AAAA, or the name of a PTR.
using DnsData = std::variant<Ipv4Bytes, Ipv6Bytes, DnsName>;

struct DnsAnswer {
  DnsCode code = DnsCode::no_error;
  std::vector<DnsData> records;  // all of them owned by the name asked for
  // Of the records; without records, how long the client may remember that there are none.
  uint32_t ttl = 0;

  static DnsAnswer none(uint32_t ttl) { return {DnsCode::no_error, {}, ttl}; }
  static DnsAnswer no_such_name(uint32_t ttl) { return {DnsCode::name_error, {}, ttl}; }
  static DnsAnswer failure(DnsCode code) { return {code, {}, 0}; }
};

// Without records, "no error" and "no such name" carry a SOA record, without which stub resolvers do not remember them.
// What does not fit is cut with the truncation bit set: over UDP no record is left, over TCP as many as fit in 65,535
// bytes.
std::string write_answer(const DnsQuery& query, const DnsAnswer& answer, DnsTransport transport);

// "4.3.2.1.in-addr.arpa" and its like under ip6.arpa; nullopt for anything but a whole address.
std::optional<DnsAddress> reverse_address(const DnsName& name);

}  // namespace hv::network
