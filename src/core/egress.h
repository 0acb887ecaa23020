// What may leave a sandbox and what did: the words that policy, service, gateway and ledger share. Plain data;
// network/egress_rules decides by it, shimwire/egress_codec carries it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/names.h"

namespace hv::core {

enum class Verdict : uint8_t { allow, ask, deny };

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;  // inclusive
  bool operator==(const PortRange&) const = default;
};

struct HostPattern {
  enum class Kind : uint8_t {
    any,     // "*": every name and address
    exact,   // one name
    suffix,  // "*.example.org": every name below it at any depth, but not example.org itself
    range,   // addresses
    group,   // "@git": replaced by what the user's own tools name before a sandbox starts; matches nothing itself
  };
  Kind kind = Kind::exact;
  std::string name;  // of exact, suffix (without "*.") and group (without '@')
  AddressRange range;
  bool operator==(const HostPattern&) const = default;
};

struct EgressRule {
  Verdict verdict = Verdict::allow;
  HostPattern host;
  // Empty: 80 and 443 to allow or ask, every port to deny.
  std::vector<PortRange> ports;
  // Of plain HTTP requests; empty: any. Where a request cannot be seen, as under TLS, such a rule counts for deny and
  // ask, and not for allow.
  std::vector<std::string> methods;  // upper case
  std::string path;                  // "/v1" is /v1 and what lies below it, not /v10
  bool private_addresses = false;    // the host may be at a private address
  std::string origin;                // "policy restricted:12", "--allow", "agent claude"
  bool operator==(const EgressRule&) const = default;
};

// A deny that matches wins over every ask, an ask over every allow; what nothing matches gets the fallback. The order
// of rules decides only which of several equal ones is named.
struct EgressPolicy {
  Verdict fallback = Verdict::deny;
  std::vector<EgressRule> rules;
  std::vector<uint16_t> host_services;  // ports of the host's loopback, reached as kHostName
  bool operator==(const EgressPolicy&) const = default;
};

// The groups that there are: each stands for the servers that the user's own configuration of one tool names.
inline constexpr std::array<std::string_view, 6> kHostGroups = {"apt", "cargo", "git", "go", "npm", "pip"};

// The name under which a sandbox reaches host services.
inline constexpr std::string_view kHostName = "host.hydravisor";

// Whether anything but host services could ever be reached.
constexpr bool opens_network(const EgressPolicy& policy) {
  if (policy.fallback != Verdict::deny) return true;
  for (const EgressRule& rule : policy.rules)
    if (rule.verdict != Verdict::deny) return true;
  return false;
}

// A connection as the program inside has it.
struct Flow {
  IpAddress source;
  IpAddress target;
  uint16_t source_port = 0;
  uint16_t target_port = 0;
  bool operator==(const Flow&) const = default;
};

// One thing that happened on the way out, as it is recorded. What is not known is empty or 0.
struct NetworkEvent {
  enum class Kind : uint8_t { connection, request, dns, datagram };
  Kind kind = Kind::connection;
  uint64_t connection = 0;  // number within the sandbox's run; of a request: the one it came on
  int32_t process = 0;      // as the supervisor sees it
  std::string program;      // what the process executes
  std::string name;         // asked for; empty when an address was used
  std::string address;      // dialled
  uint16_t port = 0;
  std::string protocol;  // "tls", "http", "ssh", "A", ...
  std::string sni;
  std::string method;
  std::string path;  // without query
  Verdict verdict = Verdict::deny;
  std::string rule;       // "*.example.org:443", or what decided when no rule did
  std::string origin;     // of the rule
  uint64_t bytes_in = 0;  // into the sandbox
  uint64_t bytes_out = 0;
  uint64_t duration_ms = 0;
  std::string error;
  uint64_t count = 1;  // more than 1: a flood of the same, folded
  bool operator==(const NetworkEvent&) const = default;
};

template <>
struct Names<Verdict> {
  static constexpr std::string_view kind = "verdict";
  static constexpr std::array<std::pair<Verdict, std::string_view>, 3> table{
      {{Verdict::allow, "allow"}, {Verdict::ask, "ask"}, {Verdict::deny, "deny"}}};
};

template <>
struct Names<NetworkEvent::Kind> {
  using Kind = NetworkEvent::Kind;
  static constexpr std::string_view kind = "network event";
  static constexpr std::array<std::pair<Kind, std::string_view>, 4> table{
      {{Kind::connection, "connection"}, {Kind::request, "request"}, {Kind::dns, "dns"}, {Kind::datagram, "datagram"}}};
};

}  // namespace hv::core
