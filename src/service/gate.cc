#include "service/gate.h"

#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "core/id.h"

namespace hv::service {

using base::Error;
using base::Failure;
using base::format;
using base::Result;
using base::Status;

access::Resource resource_of(const core::SandboxInfo& info) {
  return {info.name, info.agent.value_or(""), info.labels, info.made_by.value_or("")};
}

bool Gate::admits(uint32_t uid) const {
  return with_.book.rules().judge->identify({core::Principal::user(uid), {}, {}}).has_value();
}

Result<Visitor> Gate::enter(const Credentials& credentials) const {
  core::Principal person = core::Principal::user(credentials.uid);
  base::WallTime now = with_.clock.wall();
  with_.tokens.expire(now);
  if (credentials.token.empty()) return Visitor(*this, {person, {}, {}}, "");
  auto look = [&]() -> Result<Visitor> {
    core::TokenInfo token = HV_TRY(with_.tokens.find(credentials.token, now));
    access::Subject subject = HV_TRY(with_.tokens.subject(token.id, now));
    return Visitor(*this, std::move(subject), token.id);
  };
  Result<Visitor> visitor = look();
  if (visitor) return visitor;
  core::Event event;
  event.kind = "access.denied";
  event.principal = person.text();
  event.risk = core::Risk::high;
  event.payload = {{"action", "enter"},
                   {"rule", base::printable(visitor.error().message())},
                   {"origin", "built in"},
                   {"scope", access::scope_name(access::Scope::token)}};
  with_.denials.add(std::move(event));
  return visitor;
}

std::vector<std::string> Visitor::ceilings() const {
  auto identity = gate_->with_.book.rules().judge->identify(subject_);
  return identity ? identity->ceilings : std::vector<std::string>{};
}

bool Visitor::asks_for_agents() const {
  return gate_->with_.book.rules().judge->asks_for_agents();
}

std::optional<std::string> Visitor::role() const {
  access::Rules rules = gate_->with_.book.rules();
  auto identity = rules.judge->identify(subject_);
  if (!identity || identity->role == nullptr) return std::nullopt;
  return identity->role->name;
}

access::Decision Visitor::decide(core::Action action, const access::Resource* resource) const {
  access::Rules rules = gate_->with_.book.rules();
  if (token_.empty()) return rules.judge->decide(subject_, action, resource);
  auto subject = gate_->with_.tokens.subject(token_, gate_->with_.clock.wall());
  if (!subject) return {false, false, subject.error().message(), {}, access::Scope::token};
  return rules.judge->decide(*subject, action, resource);
}

core::Event Visitor::event_of(std::string_view kind, core::Action action, const access::Decision& decision,
                              const access::Resource* resource, const std::string& id) const {
  core::Event event;
  event.kind = kind;
  event.sandbox = id;
  event.principal = name_;
  event.risk = decision.allowed ? core::Risk::info : core::Risk::medium;
  event.payload = {{"action", core::name_of(action)},
                   {"rule", base::printable(decision.rule)},
                   {"origin", base::printable(decision.place.text())},
                   {"scope", access::scope_name(decision.scope)}};
  if (resource != nullptr) event.payload["name"] = base::printable(resource->name);
  if (!token_.empty()) event.payload["token_id"] = token_;
  return event;
}

Failure Visitor::refuse(core::Action action, access::Scope scope, Error error, const std::string& sandbox_id) const {
  gate_->with_.denials.add(
      event_of("access.denied", action, {false, false, error.message(), {}, scope}, nullptr, sandbox_id));
  return Failure(std::move(error));
}

Status Visitor::judge(core::Action action, const access::Resource* resource, const std::string& id, bool quiet) const {
  access::Decision decision = decide(action, resource);
  if (decision.allowed && (quiet || !decision.recorded)) return {};
  if (decision.allowed) {
    Result<uint64_t> recorded =
        gate_->with_.recorder.record(event_of("access.allowed", action, decision, resource, id));
    if (recorded) return {};
    return Failure(std::move(recorded).error().with_context(
        format("{}: not done, since it has to be recorded and could not be", core::name_of(action))));
  }
  gate_->with_.denials.add(event_of("access.denied", action, decision, resource, id));
  std::string about =
      resource == nullptr || resource->name.empty() ? "" : format(" sandbox '{}'", base::printable(resource->name));
  std::string message = format("{} may not '{}'{}: {}", name_, core::name_of(action), about, decision.rule);
  if (decision.place.line != 0) message += format(" ({})", decision.place.text());
  access::Rules rules = gate_->with_.book.rules();
  if (!rules.fault)
    return Failure(base::denied(format("{}\nnext to nothing is allowed until {} is mended: {}", message,
                                       gate_->with_.book.path(), rules.fault.error().text())));
  return Failure(base::denied(message).with_hint("who may what: hydravisor access show"));
}

Result<std::string> Visitor::judge(core::Action action, std::string_view sandbox, bool quiet) const {
  Result<SandboxView> view = gate_->with_.sandboxes.find(sandbox);
  access::Resource resource{std::string(sandbox), "", {}, ""};
  if (view)
    resource = resource_of(view->info);
  else if (core::SandboxId::parse(sandbox))
    // The id of one that is gone is no name: "s*" in a rule means names.
    resource.name.clear();
  HV_TRY(judge(action, &resource, view ? view->info.id : "", quiet));
  return view ? view->info.id : std::string(sandbox);
}

Status Visitor::may(core::Action action) const {
  return judge(action, nullptr, "", false);
}
Result<std::string> Visitor::may(core::Action action, std::string_view sandbox) const {
  return judge(action, sandbox, false);
}
Status Visitor::may(core::Action action, const access::Resource& resource) const {
  return judge(action, &resource, "", false);
}
Result<std::string> Visitor::may_still(core::Action action, std::string_view sandbox) const {
  return judge(action, sandbox, true);
}
bool Visitor::could(core::Action action, const access::Resource* resource) const {
  return decide(action, resource).allowed;
}

}  // namespace hv::service
