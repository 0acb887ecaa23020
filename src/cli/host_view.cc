#include "cli/host_view.h"

#include <array>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
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

std::string proof_text(const core::ProofInfo& info, base::WallTime now, size_t width) {
  const core::Proof& proof = info.proof;
  const core::ProofSubject& subject = proof.subject;
  std::string out =
      base::format("record {}: {}\n", info.index,
                   proof.held ? "nothing got through" : base::format("{} PROBES GOT THROUGH", proof.failed.size()));
  auto field = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) out += base::format("  {:<12}{}\n", label, wrap(base::printable(value), width, 14, 14));
  };
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - info.time);
  field("time", base::format("{} ({})", base::to_rfc3339(info.time),
                             age.count() < 0 ? "still to come, by this machine's clock"
                                             : base::to_text(std::chrono::floor<std::chrono::seconds>(age)) + " ago"));
  field("counts", info.stale.empty() ? "for a start with this policy" : "no longer: " + info.stale);
  field("signed", info.durability == core::Durability::sealed ? "yes; check it: hydravisor audit verify" : "not yet");
  field("sandbox", base::format("{} ({})", proof.name, info.sandbox));
  field("policy", base::format("{}, sha256 {}", subject.policy, subject.policy_digest));
  if (!subject.variant.empty()) field("with", base::join(subject.variant, ", "));
  field("plan", "sha256 " + subject.plan_digest);
  field("kernel", subject.kernel);
  field("machine", subject.machine);
  field("hydravisor", subject.version);
  for (const std::string& layer : proof.layers) field(&layer == proof.layers.data() ? "layers" : "", layer);
  for (const std::string& loss : proof.degraded) field(&loss == proof.degraded.data() ? "without" : "", loss);
  for (core::ProbeStatus status : kUrgency) {
    std::vector<std::string> ids;
    for (const auto& [id, verdict] : proof.verdicts)
      if (verdict == core::name_of(status)) ids.push_back(id);
    if (!ids.empty())
      out += wrap(base::printable(base::format("{} {}: {}", ids.size(), words_for(status), base::join(ids, " "))),
                  width, 2) +
             "\n";
  }
  return out;
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
