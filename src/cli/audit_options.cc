#include "cli/audit_options.h"

#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/values.h"
#include "core/egress.h"

namespace hv::cli {

base::Result<core::AuditQuery> read_audit_query(const Arguments& arguments) {
  core::AuditQuery query;
  base::WallTime now = base::system_clock().wall();
  query.sandbox = arguments.value("sandbox");
  query.kind = arguments.value("kind");
  // A word without a dot is a family.
  if (query.kind && query.kind->find('.') == std::string::npos) query.kind->push_back('.');
  query.principal = arguments.value("principal");
  query.path = arguments.value("path");
  query.host = arguments.value("host");
  if (auto text = arguments.value("verdict"))
    query.verdict = core::name_of(HV_TRY_CONTEXT(core::parse_name<core::Verdict>(*text), "--verdict"));
  if (auto text = arguments.value("risk")) query.risk = HV_TRY_CONTEXT(core::parse_risk(*text), "--risk");
  if (auto text = arguments.value("since")) query.since = HV_TRY(parse_time("since", *text, now));
  if (auto text = arguments.value("until")) query.until = HV_TRY(parse_time("until", *text, now));
  return query;
}

}  // namespace hv::cli
