// agent, home: what a sandbox can be made with.
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "cli/sandbox_view.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kAgentName[] = {{.name = "NAME", .completion = Completion::agents}};
constexpr Argument kHomeKeys[] = {{.name = "HOME", .most = kAnyNumber, .completion = Completion::homes}};

base::Result<int> list_agents(Context& context, const Arguments&) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::AgentInfo> agents = HV_TRY(client->agents());
  if (context.json) return context.print_json(wire::to_json(wire::List<core::AgentInfo>{std::move(agents)}));
  Table table({"NAME", "FROM", "COMMANDS", "DESCRIPTION"});
  for (const core::AgentInfo& agent : agents)
    table.add({agent.name, std::string(core::name_of(agent.provenance)), base::join(agent.commands, ", "),
               agent.description});
  return context.print(table.render(context.table_width()));
}

base::Result<int> show_agent(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::AgentInfo agent = HV_TRY(client->agent(arguments.word(0)));
  if (context.json) return context.print_json(wire::to_json(agent));
  return context.print(base::format("# {}\n{}", base::printable(agent.path), base::printable_lines(agent.text)));
}

base::Result<int> list_homes(Context& context, const Arguments&) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::HomeInfo> homes = HV_TRY(client->homes());
  if (context.json) return context.print_json(wire::to_json(wire::List<core::HomeInfo>{std::move(homes)}));
  Table table({"HOME", "AGENT", "PROJECT", "SIZE", "LAST USED", "IN USE BY"});
  base::WallTime now = base::system_clock().wall();
  for (const core::HomeInfo& home : homes)
    table.add({home.key, home.agent, home.project, base::to_text(base::ByteCount{home.bytes}),
               home.last_used ? age_text(*home.last_used, now) : "never", base::join(home.sandboxes, ", ")});
  return context.print(table.render(context.table_width()));
}

base::Result<int> remove_homes(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  std::string text;
  base::json::Array removed;
  for (const std::string& key : arguments.words()) {
    HV_TRY(client->remove_home(key));
    text += key + "\n";
    removed.emplace_back(key);
  }
  return context.json ? context.print_json(base::json::Object{{"items", std::move(removed)}}) : context.print(text);
}

}  // namespace

constexpr Command kAgentList = {
    .name = "agent ls",
    .summary = "List the agent profiles",
    .description = "Lists the agents that Hydravisor knows, and the commands by which `run` finds each profile.",
    .options = {},
    .arguments = {},
    .example = "hydravisor agent ls",
    .exit_codes = {},
    .run = list_agents,
};

constexpr Command kAgentShow = {
    .name = "agent show",
    .summary = "Print an agent profile's file",
    .description =
        "Prints the file of the agent profile NAME and where it lies: what the agent gets of your configuration, its "
        "variables, its "
        "login store.",
    .options = {},
    .arguments = kAgentName,
    .example = "hydravisor agent show claude",
    .exit_codes = {},
    .run = show_agent,
};

constexpr Command kHomeList = {
    .name = "home ls",
    .summary = "List the agents' homes",
    .description = "Lists the home directories that agents keep between runs, one for each agent and project.",
    .options = {},
    .arguments = {},
    .example = "hydravisor home ls",
    .exit_codes = {},
    .run = list_homes,
};

constexpr Command kHomeRemove = {
    .name = "home rm",
    .summary = "Remove an agent's home",
    .description = "Removes each home named, with the logins and histories in it. One that a sandbox uses is refused.",
    .options = {},
    .arguments = kHomeKeys,
    .example = "hydravisor home rm claude-1f3a",
    .exit_codes = {},
    .run = remove_homes,
};

}  // namespace hv::cli
