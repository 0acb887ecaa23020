// ls, inspect, stats, logs: what there is and how it is doing.
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/sandbox_view.h"
#include "cli/values.h"
#include "client/client.h"
#include "terminal/output_filter.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::sandboxes}};
constexpr Argument kAnyNames[] = {
    {.name = "NAME", .least = 0, .most = kAnyNumber, .completion = Completion::sandboxes}};

constexpr Option kListOptions[] = {
    {.name = "label", .letter = 'l', .value = "K=V", .help = "Only those with this label", .repeatable = true},
    {.name = "state", .value = "STATE", .help = "Only those in this state: created, running, paused, stopped"},
    {.name = "quiet", .letter = 'q', .help = "Only the names"},
};
constexpr Option kLogsOptions[] = {
    {.name = "follow", .letter = 'f', .help = "Go on with what comes, until the command has ended"},
};

base::Result<int> list(Context& context, const Arguments& arguments) {
  core::SandboxFilter filter;
  for (const std::string& text : arguments.values("label"))
    filter.labels.insert(HV_TRY(context.usage(parse_label(text))));
  if (auto text = arguments.value("state"))
    filter.state = HV_TRY_CONTEXT(context.usage(core::parse_state(*text)), "--state");
  client::Client* client = HV_TRY(context.client());
  std::vector<core::SandboxInfo> sandboxes = HV_TRY(client->list(filter));
  if (context.json) return context.print_json(wire::to_json(wire::List<core::SandboxInfo>{std::move(sandboxes)}));
  if (arguments.has("quiet")) {
    std::string names;
    for (const core::SandboxInfo& sandbox : sandboxes) names += sandbox.name + "\n";
    return context.print(names);
  }
  if (sandboxes.empty() && context.output_is_terminal())
    return context.print("no sandboxes; make one: hydravisor run -- COMMAND\n");
  return context.print(list_text(std::move(sandboxes), base::system_clock().wall(), context.table_width()));
}

base::Result<int> inspect(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::SandboxInfo sandbox = HV_TRY(client->inspect(arguments.word(0)));
  if (context.json) return context.print_json(wire::to_json(sandbox));
  return context.print(inspect_text(sandbox, base::system_clock().wall(), context.table_width()));
}

base::Result<int> stats(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  std::vector<std::string> names = arguments.words();
  if (names.empty())
    for (const core::SandboxInfo& sandbox : HV_TRY(client->list({.labels = {}, .state = core::SandboxState::running})))
      names.push_back(sandbox.name);
  std::vector<std::pair<std::string, core::SandboxStats>> all;
  for (const std::string& name : names) all.emplace_back(name, HV_TRY(client->stats(name)));
  if (!context.json) return context.print(stats_text(all, context.table_width()));
  base::json::Array items;
  for (const auto& [name, stats] : all) {
    base::json::Value item = wire::to_json(stats);
    item.as_object()["name"] = name;
    items.push_back(std::move(item));
  }
  return context.print_json(base::json::Object{{"items", std::move(items)}});
}

// A log is bytes: a piece that is not UTF-8 travels as base64.
base::json::Object piece_of_log(const std::string& bytes) {
  if (base::is_valid_utf8(bytes)) return {{"text", bytes}};
  return {{"base64", base::to_base64(bytes)}};
}

base::Result<int> logs(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  client::ByteReader reader = HV_TRY(client->logs(arguments.word(0), arguments.has("follow")));
  terminal::OutputFilter filter;
  while (true) {
    std::string bytes = HV_TRY(reader.read());
    bool ended = bytes.empty();
    if (context.json && !ended) bytes = base::json::serialize(piece_of_log(bytes)) + "\n";
    if (context.output_is_terminal()) bytes = ended ? filter.finish() : filter.feed(bytes);
    int code = HV_TRY(context.print(bytes));
    if (ended || code != kDone) return code;
  }
}

}  // namespace

constexpr Command kList = {
    .name = "ls",
    .summary = "List the sandboxes",
    .description = "Lists the sandboxes that exist, the newest first.",
    .options = kListOptions,
    .arguments = {},
    .example = "hydravisor ls --label team=blue",
    .exit_codes = {},
    .run = list,
};

constexpr Command kInspect = {
    .name = "inspect",
    .summary = "Show one sandbox, and how it is isolated",
    .description =
        "Shows everything about the sandbox NAME: its state, its limits, each layer of its isolation, and what this "
        "machine could "
        "not enforce.",
    .options = {},
    .arguments = kName,
    .example = "hydravisor inspect web\nhydravisor inspect web --json",
    .exit_codes = {},
    .run = inspect,
};

constexpr Command kStats = {
    .name = "stats",
    .summary = "Show what sandboxes use",
    .description = "Shows memory, processes and processor time of the sandboxes named, or of all that run.",
    .options = {},
    .arguments = kAnyNames,
    .example = "hydravisor stats",
    .exit_codes = {},
    .run = stats,
};

constexpr Command kLogs = {
    .name = "logs",
    .summary = "Print what a sandbox's command wrote",
    .description =
        "Prints what the main command of the sandbox NAME has written so far. On a terminal, what would act on it is "
        "filtered "
        "out. With --json, one object a piece.",
    .options = kLogsOptions,
    .arguments = kName,
    .example = "hydravisor logs -f web",
    .exit_codes = {},
    .run = logs,
};

}  // namespace hv::cli
