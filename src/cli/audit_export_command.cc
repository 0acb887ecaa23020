// audit export: records for other programs.
#include <chrono>

#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/audit_options.h"
#include "cli/audit_reading.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/export_target.h"
#include "client/client.h"
#include "formats/csv.h"
#include "formats/journald.h"
#include "formats/ocsf.h"
#include "formats/syslog.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr const char* kJournalSocket = "unix:/run/systemd/journal/socket";
// What every receiver of a datagram must take (RFC 5426), and what a file or a local socket may be given.
constexpr size_t kDatagram = 2048;
constexpr size_t kLocal = size_t{256} << 10;

constexpr auto kExportOptions = with_query_options({
    {.name = "format", .value = "FORMAT", .help = "jsonl, the default, or csv, ocsf, syslog, journald, bundle"},
    {.name = "to",
     .value = "PLACE",
     .help = "A file, udp:ADDRESS[:PORT] or unix:SOCKET instead of standard output",
     .completion = Completion::files},
    {.name = "follow", .letter = 'f', .help = "Go on with what is recorded from now on; not into a file"},
});

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? base::printable(name) : "localhost";
}

// One record as `format` has it, with whatever ends it there.
using Formatter = std::function<std::string(const core::AuditRecord& record)>;
base::Result<Formatter> formatter(const std::string& format, bool datagrams) {
  if (format == "jsonl") return [](const core::AuditRecord& record) { return wire::to_text(record) + "\n"; };
  if (format == "csv") return formats::csv_row;
  if (format == "ocsf")
    return [host = host_name()](const core::AuditRecord& record) {
      return base::json::serialize(formats::to_ocsf(record, host)) + "\n";
    };
  if (format == "syslog")
    return [host = host_name(), datagrams](const core::AuditRecord& record) {
      std::string text = formats::to_syslog(record, host, datagrams ? kDatagram : kLocal);
      return datagrams ? text : text + "\n";
    };
  if (format == "journald")
    return [datagrams](const core::AuditRecord& record) {
      // Of several records in one file, an empty line ends each: the journal's export format.
      return formats::to_journal(record) + (datagrams ? "" : "\n");
    };
  return base::Failure(base::invalid_argument(base::format("--format: unknown format '{}'", base::printable(format)))
                           .with_hint("there is: jsonl, csv, ocsf, syslog, journald, bundle"));
}

base::Result<int> copy(client::ByteReader reader, ExportTarget& target) {
  while (true) {
    std::string bytes = HV_TRY(reader.read());
    if (bytes.empty()) return kDone;
    if (int code = HV_TRY(target.write(bytes)); code != kDone) return code;
  }
}

base::Result<int> export_records(Context& context, const Arguments& arguments) {
  std::string format = arguments.value("format").value_or("jsonl");
  std::string place = arguments.value("to").value_or(format == "journald" ? kJournalSocket : "");
  bool follow = arguments.has("follow");
  if (format != "bundle") (void)HV_TRY(context.usage(formatter(format, false)));
  core::AuditQuery query = HV_TRY(context.usage(read_audit_query(arguments)));
  client::Client* client = HV_TRY(context.client());
  ExportTarget target = HV_TRY(ExportTarget::open(context, place));
  if (follow && (target.is_file() || format == "bundle"))
    return context.usage<int>(base::Failure(
        base::invalid_argument("--follow goes to standard output or a socket: a file is there only when it is whole")));
  if (format == "bundle" && target.takes_datagrams())
    return context.usage<int>(
        base::Failure(base::invalid_argument("a bundle is one whole: it does not fit datagrams")));

  int code = kDone;
  if (format == "bundle") {
    client::ByteReader reader = HV_TRY(client->audit_bundle(query, std::nullopt));
    code = HV_TRY(copy(std::move(reader), target));
  } else {
    Formatter line = HV_TRY(formatter(format, target.takes_datagrams()));
    auto write = [&](const core::AuditRecord& record) { return target.write(line(record)); };
    if (format == "csv") code = HV_TRY(target.write(formats::csv_header()));
    if (code == kDone) code = HV_TRY(for_each_record(*client, query, write));
    if (code == kDone && follow) code = HV_TRY(follow_records(*client, query, write));
  }
  if (code == kDone) HV_TRY(target.finish());
  return code;
}

}  // namespace

constexpr Command kAuditExport = {
    .name = "audit export",
    .summary = "Give records to other programs",
    .description =
        "Gives the records of the ledger, the oldest first, to a file, a program or a log server. `jsonl` is one "
        "record a "
        "line; `ocsf` the same as the Open Cybersecurity Schema Framework spells it; `syslog` is RFC 5424, also to a "
        "server; `journald` goes to systemd's journal; `bundle` is what is sealed, with the proofs that `audit check` "
        "needs on another machine. A file is there when it is whole: an export that fails leaves none.",
    .options = kExportOptions,
    .arguments = {},
    .example =
        "hydravisor audit export --since 24h --to day.jsonl\n"
        "hydravisor audit export --format syslog --to udp:192.0.2.7 --follow\n"
        "hydravisor audit export --format bundle --sandbox web --to web.bundle",
    .exit_codes = {},
    .run = export_records,
};

}  // namespace hv::cli
