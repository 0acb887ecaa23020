#include "daemon/ledger_check.h"

#include <cstdio>

#include "audit/verify.h"
#include "wire/types.h"

namespace hv::daemon {

int verify_ledger(const core::Paths& paths) {
  base::Result<audit::Report> report = audit::verify(paths.ledger);
  if (!report) {
    std::fprintf(stderr, "hydravisord: %s\n", report.error().text().c_str());
    return 125;
  }
  std::printf("%s\n", wire::to_text(audit::summary(*report)).c_str());
  // Half a report would be taken for none at all.
  if (std::fflush(stdout) != 0) return 125;
  return report->intact() ? 0 : 1;
}

base::Error cannot_open_ledger(base::Error error) {
  if (error.hint().find("audit verify") != std::string::npos) return error;
  std::string hint = error.hint().empty() ? "" : error.hint() + "; ";
  return std::move(error).with_hint(hint + "what is wrong with it: hydravisor audit verify");
}

}  // namespace hv::daemon
