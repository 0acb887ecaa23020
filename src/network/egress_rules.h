// The decision about one connection or request. Pure: the same policy and target always give the same answer, and the
// answer names what decided.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/egress.h"

namespace hv::network {

// How much of the request is known. `pending`: bytes have yet to tell; `hidden`: not plain HTTP, so it never will be;
// `seen`: `method` and `path` are those of a request.
enum class Sight : uint8_t { pending, hidden, seen };

struct Target {
  std::string name;                        // normalised by core::parse_host(); empty: an address was used
  std::optional<core::IpAddress> address;  // the one used; with a name, the one about to be dialled
  bool is_hosts_own = false;               // the host itself answers at `address`, whatever class that is of
  uint16_t port = 0;
  Sight sight = Sight::pending;
  std::string method;
  std::string path;  // as sent, without query
};

struct Decision {
  core::Verdict verdict = core::Verdict::deny;
  // Rules about methods or paths take part. While the sight is `pending` the verdict is the best that a request could
  // get: the caller decides again with each request, or with `hidden`.
  bool by_request = false;
  const core::EgressRule* rule = nullptr;  // in the policy that was asked; null: no rule, see `rule_text`
  std::string rule_text;                   // "*.example.org:443", "default", "private address"
  std::string origin;                      // of the rule
  std::string reason;                      // of a denial, one sentence
  std::string options;                     // that would allow it: "--allow example.org:443"; empty: nothing would

  // "hydravisor net NAME --allow example.org:443"; empty when no option helps.
  std::string command(std::string_view sandbox) const;
};

// With a name alone: whether to resolve and dial it. With a name and an address: whether that address may be dialled
// for it, to be asked for each address before it is dialled. With an address alone: the same for an address that was
// used as such. `nat64` are translation prefixes found on this host beside the well-known ones.
Decision decide(const core::EgressPolicy& policy, const Target& target, std::span<const core::AddressRange> nat64 = {});

// Whether a name gets an answer from our DNS: some port of it is allowed or asked for.
Decision decide_name(const core::EgressPolicy& policy, std::string_view name);

// Whether a name below this one could get an answer. Then the name itself exists, though nothing stands there:
// resolvers take a name that does not exist to have none below it (RFC 8020).
bool has_names_below(const core::EgressPolicy& policy, std::string_view name);

}  // namespace hv::network
