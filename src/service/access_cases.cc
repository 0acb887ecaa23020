#include "service/access_cases.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace hv::service {

using base::Failure;
using base::format;
using base::Result;
using core::Action;

namespace {

std::vector<std::string> texts(const std::vector<access::Entry>& entries) {
  std::vector<std::string> all;
  for (const access::Entry& entry : entries) all.push_back(entry.actions.text());
  return all;
}

std::vector<std::string> texts(const access::Condition& where) {
  std::vector<std::string> all;
  for (const access::Pattern& name : where.sandboxes) all.push_back("sandbox " + name.text());
  for (const access::Pattern& name : where.agents) all.push_back("agent " + name.text());
  for (const std::string& label : where.labels) all.push_back("label " + base::printable(label));
  return all;
}

base::json::Array to_array(const std::vector<std::string>& from) {
  base::json::Array array;
  for (const std::string& text : from) array.emplace_back(text);
  return array;
}

// What is recorded of a token: all but what would let somebody in.
base::json::Object describe(const core::TokenInfo& token) {
  base::json::Object payload{{"token_id", token.id},
                             {"principal", token.principal},
                             {"actions", to_array(token.actions)},
                             {"sandboxes", to_array(token.sandboxes)},
                             {"expires", base::to_rfc3339(token.expires)}};
  if (token.role) payload["role"] = *token.role;
  if (token.parent) payload["parent"] = *token.parent;
  return payload;
}

}  // namespace

Result<core::AccessInfo> AccessCases::show(const Visitor& visitor) const {
  HV_TRY(visitor.may(Action::access_read));
  access::Rules rules = book_.rules();
  core::AccessInfo info;
  info.path = book_.path();
  info.present = rules.present;
  if (!rules.fault) {
    info.faults = base::split(rules.fault.error().message(), '\n');
    if (!rules.fault.error().hint().empty()) info.faults.push_back(rules.fault.error().hint());
  }
  info.principal = visitor.name();
  info.role = visitor.role();
  info.ceilings = visitor.ceilings();
  const access::Access& all = rules.judge->access();
  for (const auto& [name, standing] : all.principals)
    info.principals.push_back({name, standing.role, standing.policy, standing.place.text()});
  for (const auto& [name, role] : all.roles)
    info.roles.push_back(
        {name, texts(role.allow), texts(role.deny), texts(role.own), role.policy, role.recorded, role.place.text()});
  for (const access::Grant& grant : all.grants)
    info.rules.push_back({"principal",
                          {grant.principal.empty() ? "role:" + grant.role : grant.principal},
                          texts(grant.where),
                          texts(grant.allow),
                          texts(grant.deny),
                          grant.place.text()});
  for (const access::SandboxRule& rule : all.sandboxes)
    info.rules.push_back(
        {"sandbox", rule.principals, texts(rule.where), texts(rule.allow), texts(rule.deny), rule.place.text()});
  return info;
}

Result<core::AccessAnswer> AccessCases::ask(const Visitor& visitor, const core::AccessQuestion& question) const {
  HV_TRY(visitor.may(Action::access_check));
  bool about_other = question.principal && *question.principal != visitor.name();
  if (about_other) HV_TRY(visitor.may(Action::access_read));
  std::optional<access::Resource> resource;
  if (question.sandbox) {
    // Only who may see it learns anything by it.
    std::string id = HV_TRY(visitor.may(Action::sandbox_read, *question.sandbox));
    resource = resource_of(HV_TRY(sandboxes_.find(id)).info);
  }
  const access::Resource* about = resource ? &*resource : nullptr;
  access::Decision decision;
  if (about_other) {
    core::Principal principal = HV_TRY(core::Principal::parse(*question.principal));
    decision = book_.rules().judge->decide({principal, {}, {}}, question.action, about);
  } else {
    decision = visitor.decide(question.action, about);
  }
  return core::AccessAnswer{about_other ? *question.principal : visitor.name(),
                            question.action,
                            decision.allowed ? core::Verdict::allow : core::Verdict::deny,
                            base::printable(decision.rule),
                            base::printable(decision.place.text()),
                            std::string(access::scope_name(decision.scope))};
}

Result<std::vector<core::TokenInfo>> AccessCases::tokens(const Visitor& visitor) const {
  HV_TRY(visitor.may(Action::token_read));
  std::vector<core::TokenInfo> all = HV_TRY(tokens_.list(clock_.wall()));
  if (!visitor.could(Action::access_read, nullptr))
    std::erase_if(all, [&](const core::TokenInfo& token) { return token.principal != visitor.name(); });
  return all;
}

Result<core::TokenMade> AccessCases::make(const Visitor& visitor, core::TokenRequest request) {
  HV_TRY(access::check_request(request));
  HV_TRY(visitor.may(Action::token_create));
  bool own = request.principal == visitor.name();
  if (!visitor.token().empty()) {
    // Whose role would be another's could be more than its own.
    core::TokenInfo parent = HV_TRY(tokens_.info(visitor.token()));
    if (!own || (request.role && request.role != parent.role))
      return visitor.refuse(
          Action::token_create, access::Scope::token,
          base::denied(
              format("a token mints weaker ones only: for {}, whose it is, and without another role", visitor.name())));
    request.role = parent.role;
  } else if (!own || request.role) {
    HV_TRY(visitor.may(Action::access_write));
  }
  access::Rules rules = book_.rules();
  if (request.role) {
    if (!rules.judge->access().roles.contains(*request.role)) {
      std::vector<std::string> known;
      for (const auto& [name, role] : rules.judge->access().roles) known.push_back(name);
      base::Error error = base::not_found(
          format("no role is called '{}'; there are: {}", base::printable(*request.role), base::join(known, ", ")));
      auto near = base::nearest(*request.role, known);
      return Failure(std::move(error).with_hint(near ? format("did you mean '{}'?", *near)
                                                     : "roles are written in " + book_.path()));
    }
    if (rules.judge->access().principals.contains(request.principal))
      return Failure(base::conflict(format("{} has its role from {}", request.principal,
                                           rules.judge->access().principals.at(request.principal).place.text()))
                         .with_hint("leave --role out"));
  } else if (!rules.judge->identify({HV_TRY(core::Principal::parse(request.principal)), {}, {}})) {
    return Failure(base::conflict(format("{} is not known, so its token would be good for nothing", request.principal))
                       .with_hint("give it a role: --role sandboxed, or write it into " + book_.path()));
  }
  Result<core::TokenMade> minted = tokens_.mint(request, visitor.name(), visitor.token(), clock_.wall());
  if (!minted && minted.error().code() == base::ErrorCode::denied)
    return visitor.refuse(Action::token_create, access::Scope::token, std::move(minted).error());
  core::TokenMade made = HV_TRY(std::move(minted));
  core::Event event;
  event.kind = "token.created";
  event.principal = visitor.name();
  event.risk = core::Risk::low;
  event.payload = describe(made.info);
  // Nobody has it yet: one that could not be recorded is none.
  if (auto recorded = recorder_.record(event); !recorded) {
    (void)tokens_.revoke(made.info.id);
    return Failure(std::move(recorded).error().with_context("no token was made, since it could not be recorded"));
  }
  return made;
}

Result<std::vector<core::TokenInfo>> AccessCases::revoke(const Visitor& visitor, std::string_view id) {
  HV_TRY(visitor.may(Action::token_revoke));
  core::TokenInfo token = HV_TRY(tokens_.info(id));
  if (token.principal != visitor.name()) HV_TRY(visitor.may(Action::access_write));
  // By a token: itself, and what came from it. Its siblings are of who minted them.
  if (!visitor.token().empty() && token.id != visitor.token() && token.parent != visitor.token())
    return visitor.refuse(Action::token_revoke, access::Scope::token,
                          base::denied("a token revokes itself and what it has minted, no other"));
  core::Event event;
  event.kind = "token.revoked";
  event.principal = visitor.name();
  event.risk = core::Risk::low;
  event.payload = {{"token_id", token.id}, {"principal", token.principal}};
  // A token that must not be used any more goes also when the ledger cannot be written.
  auto recorded = recorder_.record(event);
  std::vector<core::TokenInfo> gone = HV_TRY(tokens_.revoke(id));
  if (!recorded)
    return Failure(std::move(recorded).error().with_context("the token is revoked, but that could not be recorded"));
  return gone;
}

}  // namespace hv::service
