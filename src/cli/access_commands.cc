// access show, check: who may do what.
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Option kCheckOptions[] = {
    {.name = "principal", .value = "WHO", .help = "Another than oneself: user:1000, agent:ci"},
    {.name = "action",
     .value = "ACTION",
     .help = "What is asked for: exec, policy.write",
     .completion = Completion::actions},
    {.name = "sandbox", .value = "NAME", .help = "The sandbox that it is about", .completion = Completion::sandboxes},
};
constexpr ExitCode kCheckCodes[] = {{.code = "1", .meaning = "it is denied"}};

std::string listed(const std::vector<std::string>& items) {
  return items.empty() ? "-" : base::join(items, " ");
}

std::string access_text(const core::AccessInfo& info, size_t width) {
  std::string text = base::format("You are {}, {}{}.\n", info.principal,
                                  info.role ? base::format("with the role {}", *info.role) : "without a role",
                                  info.ceilings.empty() ? "" : ", below the policy " + base::join(info.ceilings, "+"));
  text += base::format("{}{}\n", info.path,
                       info.present ? "" : " is not there: only the daemon's owner and root may do anything");
  for (const std::string& fault : info.faults) text += "fault: " + base::printable(fault) + "\n";
  if (!info.principals.empty()) {
    Table principals({"PRINCIPAL", "ROLE", "POLICY", "FROM"});
    for (const core::AccessPrincipalInfo& each : info.principals)
      principals.add({each.principal, each.role, each.policy.value_or("-"), each.origin});
    text += "\n" + principals.render(width);
  }
  Table roles({"ROLE", "ALLOW", "OWN", "DENY", "POLICY", "RECORDED", "FROM"});
  for (const core::AccessRoleInfo& role : info.roles)
    roles.add({role.name, listed(role.allow), listed(role.own), listed(role.deny), role.policy.value_or("-"),
               role.recorded ? "all" : "denials", role.origin});
  text += "\n" + roles.render(width);
  if (info.rules.empty()) return text;
  Table rules({"SCOPE", "WHO", "WHERE", "ALLOW", "DENY", "FROM"});
  for (const core::AccessRuleInfo& rule : info.rules)
    rules.add({rule.scope, rule.who.empty() ? "everybody known" : base::join(rule.who, " "),
               rule.where.empty() ? "everywhere" : base::join(rule.where, ", "), listed(rule.allow), listed(rule.deny),
               rule.origin});
  return text + "\n" + rules.render(width);
}

base::Result<int> show(Context& context, const Arguments&) {
  client::Client* client = HV_TRY(context.client());
  core::AccessInfo info = HV_TRY(client->access());
  if (context.json) return context.print_json(wire::to_json(info));
  return context.print(access_text(info, context.table_width()));
}

base::Result<int> check(Context& context, const Arguments& arguments) {
  core::AccessQuestion question;
  question.principal = arguments.value("principal");
  question.sandbox = arguments.value("sandbox");
  auto action = arguments.value("action");
  if (!action) return context.usage(base::Result<int>(base::Failure(base::invalid_argument("--action is missing"))));
  question.action = HV_TRY(context.usage(core::parse_name<core::Action>(*action)));
  client::Client* client = HV_TRY(context.client());
  core::AccessAnswer answer = HV_TRY(client->ask_access(question));
  int code = answer.verdict == core::Verdict::allow ? kDone : 1;
  std::string text =
      base::format("{}: {} {}: {}{}\n", core::name_of(answer.verdict), answer.principal, core::name_of(answer.action),
                   answer.rule, answer.origin == "built in" ? "" : base::format(" ({})", answer.origin));
  int printed =
      HV_TRY(context.json ? context.print_json(wire::to_json(answer)) : context.print(base::printable_lines(text)));
  return printed == kDone ? code : printed;
}

}  // namespace

constexpr Command kAccessShow = {
    .name = "access show",
    .summary = "Print who may do what",
    .description =
        "Says who one is oneself, and lists principals, roles and rules with the file and line that each is from; a "
        "faulty access.toml is listed with every fault.",
    .example = "hydravisor access show",
    .run = show,
};

constexpr Command kAccessCheck = {
    .name = "access check",
    .summary = "Ask whether somebody may do something",
    .description =
        "Answers with the rule that decides, its file and line. Without --principal it is about oneself, and about the "
        "token that is set.",
    .options = kCheckOptions,
    .example = "hydravisor access check --principal agent:ci --action exec --sandbox web",
    .exit_codes = kCheckCodes,
    .run = check,
};

}  // namespace hv::cli
