#include "cli/audit_reading.h"

#include "cli/audit_view.h"
#include "cli/exit_code.h"
#include "wire/types.h"

namespace hv::cli {

base::Result<int> for_each_record(client::Client& client, core::AuditQuery& query, const TakeRecord& take) {
  while (true) {
    core::AuditPage page = HV_TRY(client.audit_events(query));
    for (const core::AuditRecord& record : page.records)
      if (int code = HV_TRY(take(record)); code != kDone) return code;
    if (page.seen) query.after = page.seen;
    if (page.complete || !page.seen) return kDone;
  }
}

base::Result<int> follow_records(client::Client& client, core::AuditQuery& query, const TakeRecord& take) {
  while (true) {
    auto reader = HV_TRY(client.audit_tail(query));
    bool any = false;
    while (auto record = HV_TRY(reader.next())) {
      any = true;
      query.after = record->index;
      if (int code = HV_TRY(take(*record)); code != kDone) return code;
    }
    if (!any) return kDone;
  }
}

base::Result<int> print_record(Context& context, const core::AuditRecord& record) {
  if (context.json) return context.print(base::json::serialize(wire::to_json(record)) + "\n");
  return context.print(record_line(record, context.table_width()));
}

}  // namespace hv::cli
