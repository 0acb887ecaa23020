// audit: what was recorded.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/audit_options.h"
#include "cli/audit_reading.h"
#include "cli/audit_view.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "cli/values.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kIndex[] = {{.name = "INDEX"}};

constexpr Argument kWords[] = {{.name = "WORD", .least = 0, .most = kAnyNumber}};

constexpr auto kListOptions = with_query_options({
    {.name = "limit", .value = "N", .help = "At most so many, the first ones; all when not given"},
    {.name = "last", .value = "N", .help = "Only the last so many"},
});
constexpr auto kSearchOptions = with_query_options({
    {.name = "limit", .value = "N", .help = "At most so many on this page; 20 when not given"},
    {.name = "before", .value = "INDEX", .help = "The page behind the one that ended with this record"},
});
constexpr Option kTailOptions[] = {kSandboxOption, kKindOption,    kPrincipalOption, kPathOption,
                                   kHostOption,    kVerdictOption, kRiskOption,      kSinceOption};

// The newest first, page after page, until `take` says stop.
base::Result<int> for_each_from_newest(client::Client& client, core::AuditQuery& query, const TakeRecord& take) {
  query.newest_first = true;
  while (true) {
    core::AuditPage page = HV_TRY(client.audit_events(query));
    for (const core::AuditRecord& record : page.records)
      if (int code = HV_TRY(take(record)); code != kDone) return code;
    if (page.complete || !page.seen) return kDone;
    query.before = page.seen;
  }
}

base::Result<int> print_records(Context& context, const std::vector<core::AuditRecord>& records) {
  if (context.json) {
    base::json::Array items;
    for (const core::AuditRecord& record : records) items.push_back(wire::to_json(record));
    return context.print_json(base::json::Object{{"items", std::move(items)}});
  }
  for (const core::AuditRecord& record : records)
    if (int code = HV_TRY(context.print(record_line(record, context.table_width()))); code != kDone) return code;
  return kDone;
}

// At most `most` of what answers the query, the newest first.
base::Result<std::vector<core::AuditRecord>> newest(client::Client& client, core::AuditQuery& query, uint64_t most) {
  std::vector<core::AuditRecord> records;
  query.limit = std::min<uint64_t>(most, 1000);
  (void)HV_TRY(for_each_from_newest(client, query, [&](const core::AuditRecord& record) -> base::Result<int> {
    records.push_back(record);
    return records.size() < most ? kDone : kNo;
  }));
  return records;
}

base::Result<int> list(Context& context, const Arguments& arguments) {
  core::AuditQuery query = HV_TRY(context.usage(read_audit_query(arguments)));
  if (auto text = arguments.value("last")) {
    uint64_t most = HV_TRY(context.usage(parse_number("last", *text, 1, UINT64_MAX)));
    client::Client* client = HV_TRY(context.client());
    std::vector<core::AuditRecord> records = HV_TRY(newest(*client, query, most));
    std::ranges::reverse(records);
    return print_records(context, records);
  }
  uint64_t left = UINT64_MAX;
  if (auto text = arguments.value("limit")) left = HV_TRY(context.usage(parse_number("limit", *text, 1, UINT64_MAX)));
  client::Client* client = HV_TRY(context.client());
  base::json::Array items;
  bool enough = false;
  int code = HV_TRY(for_each_record(*client, query, [&](const core::AuditRecord& record) -> base::Result<int> {
    // Any code but 0 ends the walk; 1 here means that enough was seen.
    if (left == 0) {
      enough = true;
      return kNo;
    }
    --left;
    if (!context.json) return context.print(record_line(record, context.table_width()));
    items.push_back(wire::to_json(record));
    return kDone;
  }));
  if (code != kDone && !enough) return code;
  return context.json ? context.print_json(base::json::Object{{"items", std::move(items)}}) : kDone;
}

base::Result<int> search(Context& context, const Arguments& arguments) {
  core::AuditQuery query = HV_TRY(context.usage(read_audit_query(arguments)));
  if (!arguments.words().empty()) query.text = base::join(arguments.words(), " ");
  uint64_t most = 20;
  if (auto text = arguments.value("limit")) most = HV_TRY(context.usage(parse_number("limit", *text, 1, 10'000)));
  if (auto text = arguments.value("before"))
    query.before = HV_TRY(context.usage(parse_number("before", *text, 0, UINT64_MAX)));
  client::Client* client = HV_TRY(context.client());
  query.newest_first = true;
  query.limit = most;
  core::AuditPage page = HV_TRY(client->audit_events(query));
  if (context.json) return context.print_json(wire::to_json(page));
  if (page.note) context.note(base::printable(*page.note));
  if (page.records.empty()) return context.print("nothing answers that\n");
  int code = HV_TRY(print_records(context, page.records));
  if (code == kDone && !page.complete && page.seen)
    context.note(base::format("there is more: --before {}", *page.seen));
  return code;
}

base::Result<int> tail(Context& context, const Arguments& arguments) {
  core::AuditQuery query = HV_TRY(context.usage(read_audit_query(arguments)));
  client::Client* client = HV_TRY(context.client());
  auto print = [&](const core::AuditRecord& record) { return print_record(context, record); };
  if (query.since)
    if (int code = HV_TRY(for_each_record(*client, query, print)); code != kDone) return code;
  return follow_records(*client, query, print);
}

// The ledger's own record of why a payload is gone; nothing where it was pruned itself.
base::Result<std::optional<core::AuditRecord>> deletion_of(client::Client& client, const core::AuditRecord& record) {
  core::AuditQuery query;
  query.kind = "ledger.payload_deleted";
  query.after = record.index;
  query.limit = 1000;
  while (true) {
    core::AuditPage page = HV_TRY(client.audit_events(query));
    for (core::AuditRecord& each : page.records)
      if (names_payload_of(each, record)) return std::optional(std::move(each));
    if (page.complete || !page.seen) return std::nullopt;
    query.after = page.seen;
  }
}

base::Result<int> show(Context& context, const Arguments& arguments) {
  uint64_t index = HV_TRY(context.usage(parse_number("INDEX", arguments.word(0), 0, UINT64_MAX)));
  client::Client* client = HV_TRY(context.client());
  core::AuditRecord record = HV_TRY(client->audit_event(index));
  if (context.json) return context.print_json(wire::to_json(record));
  std::optional<core::AuditRecord> deletion;
  if (record.redacted) deletion = HV_TRY(deletion_of(*client, record));
  return context.print(record_text(record, context.width()) + (deletion ? deletion_text(*deletion) : ""));
}

}  // namespace

constexpr Command kAuditList = {
    .name = "audit ls",
    .summary = "List what was recorded",
    .description =
        "Lists the records of the ledger, the oldest first: life cycle, programs executed, calls denied, connections, "
        "changes "
        "applied. `claimed` in a record means that it was read from the agent's memory.",
    .options = kListOptions,
    .arguments = {},
    .example = "hydravisor audit ls --sandbox web --kind exec",
    .exit_codes = {},
    .run = list,
};

constexpr Command kAuditSearch = {
    .name = "audit search",
    .summary = "Find what was recorded",
    .description =
        "Finds the records in which all the words stand, in any order and case, the newest first; `word*` finds every "
        "word that begins so. Words and options together narrow it down. Works by an index that the daemon keeps "
        "beside "
        "the ledger and can make again at any time.",
    .options = kSearchOptions,
    .arguments = kWords,
    .example =
        "hydravisor audit search pip install --since 24h\nhydravisor audit search --host example.org --verdict deny",
    .exit_codes = {},
    .run = search,
};

constexpr Command kAuditTail = {
    .name = "audit tail",
    .summary = "Follow what is recorded",
    .description =
        "Prints records as they are made, until it is interrupted; with --since, first those since then. With --json, "
        "one object a "
        "line.",
    .options = kTailOptions,
    .arguments = {},
    .example = "hydravisor audit tail --kind call.denied",
    .exit_codes = {},
    .run = tail,
};

constexpr Command kAuditShow = {
    .name = "audit show",
    .summary = "Show one record whole",
    .description = "Shows everything about the record INDEX.",
    .options = {},
    .arguments = kIndex,
    .example = "hydravisor audit show 42",
    .exit_codes = {},
    .run = show,
};

}  // namespace hv::cli
