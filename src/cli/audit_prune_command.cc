// audit prune: letting the oldest of the ledger go.
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/values.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Option kOptions[] = {
    {.name = "payloads", .value = "TIME", .help = "Delete the payloads of what is older: 90d, or a date"},
    {.name = "records", .value = "TIME", .help = "Remove what is older altogether, in whole files"},
    {.name = "size", .value = "SIZE", .help = "Remove the oldest files until the journal is at most so large: 2GiB"},
    {.name = "reason", .value = "TEXT", .help = "Why; it is recorded"},
};

std::string range_text(std::string_view what, const std::optional<uint64_t>& first,
                       const std::optional<uint64_t>& last) {
  if (!first || !last) return base::format("{}: nothing\n", what);
  return base::format("{}: {} to {}\n", what, *first, *last);
}

base::Result<int> prune(Context& context, const Arguments& arguments) {
  core::PruneRequest request;
  base::WallTime now = base::system_clock().wall();
  if (auto text = arguments.value("payloads"))
    request.payloads_before = HV_TRY(context.usage(parse_time("payloads", *text, now)));
  if (auto text = arguments.value("records")) request.before = HV_TRY(context.usage(parse_time("records", *text, now)));
  if (auto text = arguments.value("size"))
    request.max_bytes = HV_TRY(context.usage(parse_size("size", *text, 0, "2GiB")));
  request.reason = arguments.value("reason").value_or("");
  if ((!request.payloads_before && !request.before && !request.max_bytes) || request.reason.empty())
    return context.usage<int>(
        base::Failure(base::invalid_argument("say what may go (--payloads, --records or --size) and why (--reason)")));
  client::Client* client = HV_TRY(context.client());
  core::PruneReport report = HV_TRY(client->audit_prune(request));
  if (context.json) return context.print_json(wire::to_json(report));
  std::string out = range_text("payloads deleted", report.payloads_first, report.payloads_last) +
                    range_text("records removed", report.first, report.last);
  return context.print(out +
                       base::format("the journal now has {}\n", base::to_text(base::ByteCount{report.journal_bytes})));
}

}  // namespace

constexpr Command kAuditPrune = {
    .name = "audit prune",
    .summary = "Let the oldest of the ledger go",
    .description =
        "Deletes payloads, or removes the oldest records in whole files. What went, by whom and why is recorded and "
        "sealed "
        "before; the hashes stay, so that `audit verify` still holds all of it against the signatures. The "
        "ledger's own payloads stay.",
    .options = kOptions,
    .arguments = {},
    .example = "hydravisor audit prune --payloads 90d --size 4GiB --reason retention",
    .exit_codes = {},
    .run = prune,
};

}  // namespace hv::cli
