// audit: what was recorded, and whether the record is whole.
#include <chrono>

#include "base/format.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/arguments.h"
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

constexpr Option kSandboxOption = {.name = "sandbox",
                                   .value = "NAME",
                                   .help = "Only what concerns this sandbox, by name or id",
                                   .completion = Completion::sandboxes};
constexpr Option kKindOption = {
    .name = "kind", .value = "KIND", .help = "Only this kind, such as exec.started, or a family of them, such as exec"};
constexpr Option kSinceOption = {
    .name = "since", .value = "TIME", .help = "Only from then on: 30m, 2026-11-23, or 2026-11-23T18:00:00Z"};
constexpr Option kUntilOption = {.name = "until", .value = "TIME", .help = "Only before then"};

constexpr Option kListOptions[] = {
    kSandboxOption,
    kKindOption,
    kSinceOption,
    kUntilOption,
    {.name = "limit", .value = "N", .help = "At most so many, the first ones; all when not given"},
};
constexpr Option kTailOptions[] = {kSandboxOption, kKindOption, kSinceOption};
constexpr Option kExportOptions[] = {
    kSandboxOption,
    kKindOption,
    kSinceOption,
    kUntilOption,
    {.name = "format", .value = "FORMAT", .help = "jsonl, the default: one JSON object a line"},
};
constexpr Option kVerifyOptions[] = {
    {.name = "offline", .help = "Read the files without asking the daemon; entries of this moment may not be in them"},
};
constexpr ExitCode kVerifyCodes[] = {{"0", "the record is whole"}, {"1", "it is not; the faults are listed"}};

base::Result<core::AuditQuery> read_query(const Arguments& arguments) {
  core::AuditQuery query;
  base::WallTime now = base::system_clock().wall();
  query.sandbox = arguments.value("sandbox");
  query.kind = arguments.value("kind");
  // A word without a dot is a family.
  if (query.kind && query.kind->find('.') == std::string::npos) query.kind->push_back('.');
  if (auto text = arguments.value("since")) query.since = HV_TRY(parse_time("since", *text, now));
  if (auto text = arguments.value("until")) query.until = HV_TRY(parse_time("until", *text, now));
  return query;
}

base::Result<int> list(Context& context, const Arguments& arguments) {
  core::AuditQuery query = HV_TRY(context.usage(read_query(arguments)));
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

base::Result<int> tail(Context& context, const Arguments& arguments) {
  core::AuditQuery query = HV_TRY(context.usage(read_query(arguments)));
  client::Client* client = HV_TRY(context.client());
  auto print = [&](const core::AuditRecord& record) { return print_record(context, record); };
  if (query.since)
    if (int code = HV_TRY(for_each_record(*client, query, print)); code != kDone) return code;
  return follow_records(*client, query, print);
}

base::Result<int> show(Context& context, const Arguments& arguments) {
  uint64_t index = HV_TRY(context.usage(parse_number("INDEX", arguments.word(0), 0, UINT64_MAX)));
  client::Client* client = HV_TRY(context.client());
  core::AuditRecord record = HV_TRY(client->audit_event(index));
  return context.json ? context.print_json(wire::to_json(record)) : context.print(record_text(record, context.width()));
}

// The daemon's own program reads the ledger without opening it: a damaged ledger is one that no daemon starts with.
base::Result<core::VerifyReport> verify_offline(const Context& context) {
  base::CommandSpec command;
  command.program = HV_TRY(client::find_program("hydravisord"));
  command.arguments = {"--verify-ledger"};
  std::vector<std::string> entries;
  for (char* const* entry = context.raw_environment(); *entry != nullptr; ++entry) entries.emplace_back(*entry);
  command.environment = client::daemon_environment(entries);
  // As long as a large ledger takes; whoever waits can interrupt it.
  base::CommandOutput output = HV_TRY(base::run_command(std::move(command), {}, std::chrono::hours(24)));
  if (output.status.signal == 0 && (output.status.code == 0 || output.status.code == 1))
    return wire::parse<core::VerifyReport>(output.out);
  while (output.err.ends_with('\n')) output.err.pop_back();
  std::string_view words = output.err;
  if (words.starts_with("hydravisord: ")) words.remove_prefix(words.find(' ') + 1);
  return base::Failure(base::io_error(
      base::format("verify the ledger without the daemon: {}", words.empty() ? "it ended without a report" : words)));
}

base::Result<core::VerifyReport> ask_for_report(Context& context, bool offline) {
  if (offline) return verify_offline(context);
  auto client = context.client();
  if (client) return (*client)->audit_verify();
  if (client.error().code() != base::ErrorCode::unavailable) return base::Failure(std::move(client).error());
  context.report(client.error());
  return verify_offline(context);
}

base::Result<int> verify(Context& context, const Arguments& arguments) {
  core::VerifyReport report = HV_TRY(ask_for_report(context, arguments.has("offline")));
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report))
                                 : context.print(verify_text(report, context.width())));
  return code == kDone && !report.intact ? kNo : code;
}

base::Result<int> export_records(Context& context, const Arguments& arguments) {
  std::string format = arguments.value("format").value_or("jsonl");
  if (format != "jsonl")
    return context.usage<int>(
        base::Failure(base::invalid_argument(base::format("--format: unknown format '{}'", base::printable(format)))
                          .with_hint("there is: jsonl")));
  core::AuditQuery query = HV_TRY(context.usage(read_query(arguments)));
  client::Client* client = HV_TRY(context.client());
  client::ByteReader reader = HV_TRY(client->audit_export(query));
  while (true) {
    std::string bytes = HV_TRY(reader.read());
    if (bytes.empty()) return kDone;
    if (context.output_is_terminal()) bytes = base::printable_lines(bytes);
    if (int code = HV_TRY(context.print(bytes)); code != kDone) return code;
  }
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

constexpr Command kAuditVerify = {
    .name = "audit verify",
    .summary = "Check that the record is whole",
    .description =
        "Reads the whole ledger again and checks every hash, every signature and every change of signing key. With a "
        "damaged ledger no daemon starts: its error is shown, and the files are checked without it.",
    .options = kVerifyOptions,
    .arguments = {},
    .example = "hydravisor audit verify",
    .exit_codes = kVerifyCodes,
    .run = verify,
};

constexpr Command kAuditExport = {
    .name = "audit export",
    .summary = "Print records for other programs",
    .description = "Prints the records of the ledger, the oldest first, one JSON object a line.",
    .options = kExportOptions,
    .arguments = {},
    .example = "hydravisor audit export --since 24h > day.jsonl",
    .exit_codes = {},
    .run = export_records,
};

}  // namespace hv::cli
