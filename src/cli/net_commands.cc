// net: what a sandbox may reach, what it tried to, and letting it reach more while it runs.
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/audit_reading.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "cli/request_options.h"
#include "cli/sandbox_view.h"
#include "cli/values.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::sandboxes}};
constexpr Option kOptions[] = {
    {.name = "follow", .letter = 'f', .help = "Go on with what happens from now on"},
    {.name = "allow",
     .value = "HOST[:PORT]",
     .help = "Let it reach this host too, at once: a name, *.NAME, an address or a group such as @git",
     .repeatable = true},
    {.name = "allow-private",
     .value = "HOST[:PORT]",
     .help = "The same for a host at a private address, such as one behind a VPN",
     .repeatable = true},
    {.name = "since", .value = "TIME", .help = "Only what happened from then on: 30m, 2026-11-23T18:00:00Z"},
};

base::Result<int> change(Context& context, client::Client& client, const std::string& name,
                         core::NetworkRequest request) {
  core::SandboxInfo sandbox = HV_TRY(client.change_network(name, request));
  if (context.json) return context.print_json(wire::to_json(sandbox));
  return context.print(network_text(sandbox, context.table_width()));
}

base::Result<int> net(Context& context, const Arguments& arguments) {
  core::NetworkRequest request;
  request.allow = HV_TRY(context.usage(read_rules(arguments, "allow")));
  request.allow_private = HV_TRY(context.usage(read_rules(arguments, "allow-private")));
  core::AuditQuery query;
  query.kind = "network.";
  if (auto text = arguments.value("since"))
    query.since = HV_TRY(context.usage(parse_time("since", *text, base::system_clock().wall())));
  client::Client* client = HV_TRY(context.client());
  if (!request.allow.empty() || !request.allow_private.empty()) {
    request.caller = HV_TRY(context.caller());
    return change(context, *client, arguments.word(0), std::move(request));
  }
  core::SandboxInfo sandbox = HV_TRY(client->inspect(arguments.word(0)));
  query.sandbox = sandbox.id;
  if (context.json && !arguments.has("follow")) {
    base::json::Array events;
    (void)HV_TRY(for_each_record(*client, query, [&](const core::AuditRecord& record) -> base::Result<int> {
      events.push_back(wire::to_json(record));
      return kDone;
    }));
    base::json::Value whole = wire::to_json(sandbox);
    base::json::Object result{{"name", sandbox.name}, {"network", whole.as_object()["network"]}};
    result["events"] = std::move(events);
    return context.print_json(std::move(result));
  }
  auto print = [&](const core::AuditRecord& record) { return print_record(context, record); };
  if (!context.json) {
    if (int code = HV_TRY(context.print(network_text(sandbox, context.table_width()))); code != kDone) return code;
  }
  if (int code = HV_TRY(for_each_record(*client, query, print)); code != kDone) return code;
  return arguments.has("follow") ? follow_records(*client, query, print) : kDone;
}

}  // namespace

constexpr Command kNet = {
    .name = "net",
    .summary = "What a sandbox may reach, and every attempt",
    .description =
        "Lists the rules in force and what the sandbox did on the network, oldest first. With --allow it lets a "
        "running sandbox reach more, without a restart; the change is recorded, and counts for its later "
        "starts too. What a policy denies stays denied.",
    .options = kOptions,
    .arguments = kName,
    .example = "hydravisor net web --allow registry.example.org:443",
    .run = net,
};

}  // namespace hv::cli
