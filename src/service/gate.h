// Authorization, in one place: who stands at the door, and for each thing asked whether he may. Every denial is
// recorded with the rule that decided, repeated ones together; so is what is allowed to a role that is `recorded`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/book.h"
#include "access/token_store.h"
#include "base/clock.h"
#include "base/result.h"
#include "core/event.h"
#include "core/sandbox_info.h"
#include "service/denials.h"
#include "service/sandbox_lookup.h"
#include "service/service.h"

namespace hv::service {

class Visitor;

// Thread-safe; outlives its visitors.
class Gate {
 public:
  struct Collaborators {
    const access::Book& book;
    access::TokenStore& tokens;
    core::Recorder& recorder;
    Denials& denials;
    const SandboxLookup& sandboxes;
    const base::Clock& clock;
  };
  explicit Gate(Collaborators collaborators) : with_(collaborators) {}

  // Whether somebody with this number may speak at all; what he may do is decided for each request.
  bool admits(uint32_t uid) const;
  // denied for a token that is none, unknown, revoked or expired: recorded.
  base::Result<Visitor> enter(const Credentials& credentials) const;

 private:
  friend class Visitor;
  Collaborators with_;
};

// One who asks, for as long as one request takes. Rules and token are looked at again for each thing, so that a long
// stream ends with the right to it. Thread-safe.
class Visitor {
 public:
  // "user:1000", "agent:ci"
  const std::string& name() const { return name_; }
  // The token that was shown; empty for none.
  const std::string& token() const { return token_; }
  // Policies that no sandbox of his goes beyond.
  std::vector<std::string> ceilings() const;
  std::optional<std::string> role() const;
  // Whether any rule goes by the profile that a sandbox starts with, so that it is worth being looked for.
  bool asks_for_agents() const;

  base::Status may(core::Action action) const;
  // About a sandbox by name or id. One that there is not is nobody's: who has no right to any sandbox of that name
  // does not learn whether there is one.
  // The value is what to go on with: its id, so that a name that changes hands meanwhile is of no use.
  base::Result<std::string> may(core::Action action, std::string_view sandbox) const;
  base::Status may(core::Action action, const access::Resource& resource) const;
  // The same, quietly: for lists, and where a lack is no attempt.
  bool could(core::Action action, const access::Resource* resource) const;
  // Like may(), but what is allowed is not recorded: for each further piece of a stream.
  base::Result<std::string> may_still(core::Action action, std::string_view sandbox) const;

  // Records that `error` refused the action, and passes it on: for what is decided beside the rules.
  base::Failure refuse(core::Action action, access::Scope scope, base::Error error,
                       const std::string& sandbox_id = {}) const;

  access::Decision decide(core::Action action, const access::Resource* resource) const;

 private:
  friend class Gate;
  Visitor(const Gate& gate, access::Subject subject, std::string token)
      : gate_(&gate), subject_(std::move(subject)), name_(subject_.principal.text()), token_(std::move(token)) {}
  base::Status judge(core::Action action, const access::Resource* resource, const std::string& id, bool quiet) const;
  core::Event event_of(std::string_view kind, core::Action action, const access::Decision& decision,
                       const access::Resource* resource, const std::string& id) const;
  base::Result<std::string> judge(core::Action action, std::string_view sandbox, bool quiet) const;

  const Gate* gate_;
  access::Subject subject_;
  std::string name_;
  std::string token_;
};

// A sandbox as grants see it.
access::Resource resource_of(const core::SandboxInfo& info);

}  // namespace hv::service
