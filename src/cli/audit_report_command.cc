// audit report: one sandbox on one page.
#include "cli/arguments.h"
#include "cli/audit_options.h"
#include "cli/audit_reading.h"
#include "cli/audit_report_view.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "client/client.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::sandboxes}};
constexpr Option kOptions[] = {
    kSinceOption,
    kUntilOption,
    {.name = "markdown", .help = "As Markdown, for a review or a ticket"},
};

base::Result<int> run(Context& context, const Arguments& arguments) {
  core::AuditQuery query = HV_TRY(context.usage(read_audit_query(arguments)));
  query.sandbox = arguments.word(0);
  client::Client* client = HV_TRY(context.client());
  AuditReport report;
  (void)HV_TRY(for_each_record(*client, query, [&](const core::AuditRecord& record) -> base::Result<int> {
    report.add(record);
    return kDone;
  }));
  if (report.name.empty()) report.name = arguments.word(0);
  if (context.json) return context.print_json(report_json(report));
  return context.print(arguments.has("markdown") ? report_markdown(report)
                                                 : report_text(report, context.table_width()));
}

}  // namespace

constexpr Command kAuditReport = {
    .name = "audit report",
    .summary = "What a sandbox did, on one page",
    .description =
        "Sums up what was recorded of a sandbox: what was started and by whom, what ran, what changed on the host, "
        "what "
        "was refused, which hosts were reached with how many bytes, and what deserves a look. Works for a sandbox that "
        "is "
        "gone too.",
    .options = kOptions,
    .arguments = kName,
    .example = "hydravisor audit report web\nhydravisor audit report web --markdown > report.md",
    .exit_codes = {},
    .run = run,
};

}  // namespace hv::cli
