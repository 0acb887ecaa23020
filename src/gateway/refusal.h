// What a refused connection or request is told, where its protocol has words for it, and what is recorded of it.
#pragma once

#include <string>
#include <string_view>

#include "core/egress.h"
#include "core/host_name.h"
#include "network/egress_rules.h"

namespace hv::gateway {

struct Refusal {
  int status = 403;
  core::Verdict verdict = core::Verdict::deny;
  std::string rule;
  std::string origin;
  std::string reason;   // one sentence
  std::string command;  // that would allow it; may be empty

  static Refusal by(const network::Decision& decision, std::string_view sandbox);
  // Something the gateway itself insists on: SNI and Host agreeing, strict HTTP.
  static Refusal because(std::string_view rule, std::string reason, int status = 403);
};

// A whole response after which the connection ends.
std::string http_refusal(const Refusal& refusal, std::string_view what);

}  // namespace hv::gateway
