// What is asked of access itself: who may what, and tokens given out and taken away. Each is authorized here, because
// what is narrow enough for one depends on what is asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "access/book.h"
#include "access/token_store.h"
#include "base/clock.h"
#include "base/result.h"
#include "core/access_info.h"
#include "core/event.h"
#include "service/gate.h"
#include "service/sandbox_lookup.h"

namespace hv::service {

// Thread-safe.
class AccessCases {
 public:
  AccessCases(const access::Book& book, access::TokenStore& tokens, core::Recorder& recorder,
              const SandboxLookup& sandboxes, const base::Clock& clock)
      : book_(book), tokens_(tokens), recorder_(recorder), sandboxes_(sandboxes), clock_(clock) {}

  base::Result<core::AccessInfo> show(const Visitor& visitor) const;
  // About another than who asks only for those who may read the rules.
  base::Result<core::AccessAnswer> ask(const Visitor& visitor, const core::AccessQuestion& question) const;
  // All, for who may read the rules; else one's own.
  base::Result<std::vector<core::TokenInfo>> tokens(const Visitor& visitor) const;
  // For somebody else, or with a role: only by who may change the rules. By a token: a weaker one for the same
  // principal.
  base::Result<core::TokenMade> make(const Visitor& visitor, core::TokenRequest request);
  base::Result<std::vector<core::TokenInfo>> revoke(const Visitor& visitor, std::string_view id);

 private:
  const access::Book& book_;
  access::TokenStore& tokens_;
  core::Recorder& recorder_;
  const SandboxLookup& sandboxes_;
  const base::Clock& clock_;
};

}  // namespace hv::service
