// token create, ls, revoke: what lets somebody in as another than the user that a process belongs to.
#include "base/clock.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/layout.h"
#include "cli/values.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kPrincipal[] = {{.name = "PRINCIPAL"}};
constexpr Argument kIds[] = {{.name = "ID", .most = kAnyNumber, .completion = Completion::tokens}};

constexpr Option kCreateOptions[] = {
    {.name = "role",
     .value = "ROLE",
     .help = "Its role, where access.toml does not give the principal one: sandboxed, audited, trusted or one of yours",
     .completion = Completion::roles},
    {.name = "action",
     .value = "ACTION",
     .help = "For this action only: exec, sandbox.*; all that the role may when not given",
     .repeatable = true,
     .completion = Completion::actions},
    {.name = "sandbox",
     .value = "NAME",
     .help = "For sandboxes of this name only: web, web-*",
     .repeatable = true,
     .completion = Completion::sandboxes},
    {.name = "expires", .value = "TIME", .help = "How long it holds: 1h, 90d; 30 days when not given, at most 366"},
};

base::Result<int> create(Context& context, const Arguments& arguments) {
  core::TokenRequest request;
  request.principal = arguments.word(0);
  request.role = arguments.value("role");
  request.actions = arguments.values("action");
  request.sandboxes = arguments.values("sandbox");
  if (auto text = arguments.value("expires"))
    request.lifetime_ms = HV_TRY(context.usage(parse_time_limit("--expires", *text)));
  client::Client* client = HV_TRY(context.client());
  core::TokenMade made = HV_TRY(client->make_token(request));
  if (context.json) return context.print_json(wire::to_json(made));
  context.note(base::format("hydravisor: token {} of {} until {}; it is shown this once", made.info.id,
                            base::printable(made.info.principal), base::to_rfc3339(made.info.expires)));
  return context.print(made.token + "\n");
}

std::string listed(const std::vector<std::string>& patterns) {
  return patterns.empty() ? "all" : base::join(patterns, " ");
}

base::Result<int> list(Context& context, const Arguments&) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::TokenInfo> tokens = HV_TRY(client->tokens());
  if (context.json) return context.print_json(wire::to_json(wire::List<core::TokenInfo>{std::move(tokens)}));
  Table table({"ID", "PRINCIPAL", "ROLE", "ACTIONS", "SANDBOXES", "UNTIL", "MADE BY"});
  for (const core::TokenInfo& token : tokens)
    table.add({token.id, token.principal, token.role.value_or("-"), listed(token.actions), listed(token.sandboxes),
               base::to_rfc3339(token.expires).substr(0, 19) + "Z",
               token.parent ? base::format("{} by {}", token.made_by, *token.parent) : token.made_by});
  return context.print(table.render(context.table_width()));
}

base::Result<int> revoke(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::TokenInfo> gone;
  for (const std::string& id : arguments.words())
    for (core::TokenInfo& token : HV_TRY(client->revoke_token(id))) gone.push_back(std::move(token));
  if (context.json) return context.print_json(wire::to_json(wire::List<core::TokenInfo>{std::move(gone)}));
  std::string text;
  for (const core::TokenInfo& token : gone) text += token.id + "\n";
  return context.print(text);
}

}  // namespace

constexpr Command kTokenCreate = {
    .name = "token create",
    .summary = "Let somebody in by a token",
    .description =
        "Makes a token of PRINCIPAL, a person by number (user:1000) or an agent by name (agent:ci), and prints it: "
        "only "
        "its hash is kept. Whoever sets it as HYDRAVISOR_TOKEN is that principal for every command, with no more than "
        "the options leave. With a token set, it makes weaker tokens of the same principal only. docs/access.md says "
        "what roles and actions there are.",
    .options = kCreateOptions,
    .arguments = kPrincipal,
    .example = "hydravisor token create agent:ci --role sandboxed --action 'sandbox.*' --action exec --expires 8h",
    .run = create,
};

constexpr Command kTokenList = {
    .name = "token ls",
    .summary = "List the tokens that hold",
    .description =
        "Lists the tokens that hold, never the tokens themselves. Who may not read the rules sees their own only.",
    .example = "hydravisor token ls",
    .run = list,
};

constexpr Command kTokenRevoke = {
    .name = "token revoke",
    .summary = "Take a token away",
    .description =
        "From now on nobody is let in by these tokens, nor by those that they have minted; a stream that is open ends "
        "with its next piece. Prints the ids of all that went.",
    .arguments = kIds,
    .example = "hydravisor token revoke 4c1d09a2b7",
    .run = revoke,
};

}  // namespace hv::cli
