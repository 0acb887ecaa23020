#include "cli/host_view.h"

#include <array>

#include "base/format.h"
#include "base/text.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

std::string_view words_for(core::ProbeStatus status) {
  switch (status) {
    case core::ProbeStatus::held:
      return "held";
    case core::ProbeStatus::held_unrecorded:
      return "held, not recorded";
    case core::ProbeStatus::got_through:
      return "GOT THROUGH";
    case core::ProbeStatus::not_applicable:
      return "not applicable";
  }
  return "";
}

constexpr std::array kUrgency{core::ProbeStatus::got_through, core::ProbeStatus::held_unrecorded,
                              core::ProbeStatus::held, core::ProbeStatus::not_applicable};

}  // namespace

std::string probe_text(const core::ProbeReport& report, size_t width) {
  Table table({"PROBE", "CATEGORY", "STATUS", "DETAIL"});
  std::array<size_t, kUrgency.size()> counts{};
  for (size_t i = 0; i < kUrgency.size(); ++i)
    for (const core::ProbeResult& result : report.results) {
      if (result.status != kUrgency[i]) continue;
      ++counts[i];
      table.add({result.id, result.category, std::string(words_for(result.status)), result.detail});
    }
  return table.render(width) +
         base::format("{} held, {} got through, {} not applicable\n", counts[1] + counts[2], counts[0], counts[3]);
}

std::string doctor_text(const core::DoctorReport& report, size_t width) {
  std::string out =
      report.usable ? "Sandboxes can be started on this machine.\n" : "SANDBOXES CANNOT BE STARTED ON THIS MACHINE.\n";
  for (core::CheckStatus status : {core::CheckStatus::missing, core::CheckStatus::degraded, core::CheckStatus::ok})
    for (const core::DoctorCheck& check : report.checks) {
      if (check.status != status) continue;
      std::string detail = base::format("{}: {}", base::printable(check.id), base::printable(check.detail));
      out += base::format("  {:<9} {}\n", core::name_of(check.status), wrap(detail, width, 12, 12));
      if (!check.fix.empty()) out += base::format("            fix: {}\n", base::printable(check.fix));
    }
  return out;
}

std::string reap_text(const core::ReapReport& report) {
  if (report.items.empty()) return "nothing was left behind\n";
  std::string out;
  for (const core::Leftover& item : report.items) {
    std::string what = base::format("{} {} ({})", core::name_of(item.kind), base::printable(item.path), item.reason);
    out += item.problem.empty() ? base::format("took away {}\n", what)
                                : base::format("LEFT {}: {}\n", what, base::printable(item.problem));
  }
  return out;
}

}  // namespace hv::cli
