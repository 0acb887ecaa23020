#include "service/retention.h"

#include <algorithm>

#include <sys/stat.h>

#include "base/format.h"
#include "base/units.h"

namespace hv::service {

namespace {

using base::Result;

const std::string kPrincipal = "system";

std::string too_old(std::chrono::milliseconds keep, std::string_view key) {
  return base::format("older than {} (audit.{} in config.toml)", base::to_text(keep), key);
}

}  // namespace

Result<bool> Retention::step() {
  if (HV_TRY(with_.ledger.pack_next())) return true;
  Rules rules = HV_TRY(with_.rules());
  Segments segments = HV_TRY(audit::list_segments(with_.ledger.directory()));
  if (rules.keep && segments.size() > 1) {
    // A segment ends when the next one begins: nothing in it is younger.
    audit::SegmentHeader next = HV_TRY(audit::read_segment_header(with_.ledger.directory(), segments[1].first_index));
    if (next.created < with_.clock.wall() - *rules.keep) return let_first_go(segments, too_old(*rules.keep, "keep"));
  }
  if (rules.keep_payloads && HV_TRY(forget_old_payloads(rules, segments))) return true;
  return rules.keep_bytes ? shrink(*rules.keep_bytes, segments) : Result<bool>(false);
}

Result<bool> Retention::forget_old_payloads(const Rules& rules, const Segments& segments) {
  base::WallTime now = with_.clock.wall();
  if (now < next_pass_) return false;
  uint64_t before = HV_TRY(with_.first_since(now - *rules.keep_payloads));
  uint64_t from = std::max(forgotten_, audit::first_entry(segments));
  if (from >= before) {
    next_pass_ = now + kPayloadPass;
    return false;
  }
  auto next = std::ranges::upper_bound(segments, from, {}, &audit::SegmentFile::first_index);
  uint64_t end = next == segments.end() ? before : std::min(before, next->first_index);
  (void)HV_TRY(with_.ledger.forget_payloads(end, kPrincipal, too_old(*rules.keep_payloads, "keep_payloads"), from));
  forgotten_ = end;
  return true;
}

Result<bool> Retention::shrink(uint64_t most, const Segments& segments) {
  uint64_t bytes = 0;
  for (const audit::SegmentFile& segment : segments) {
    struct stat about{};
    if (::stat(segment.path.c_str(), &about) == 0) bytes += static_cast<uint64_t>(about.st_size);
  }
  if (bytes <= most || segments.size() < 2) return false;
  std::string reason = base::format("the journal has {}, more than {} (audit.keep_bytes in config.toml)",
                                    base::to_text(base::ByteCount{bytes}), base::to_text(base::ByteCount{most}));
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    uint64_t end = segments[i + 1].first_index;
    if (end <= forgotten_) continue;
    (void)HV_TRY(with_.ledger.forget_payloads(end, kPrincipal, reason, std::max(forgotten_, segments[i].first_index)));
    forgotten_ = end;
    return true;
  }
  return let_first_go(segments, reason);
}

Result<bool> Retention::let_first_go(const Segments& segments, const std::string& reason) {
  uint64_t end = segments[1].first_index;
  if (forgotten_ < end) {
    (void)HV_TRY(with_.ledger.forget_payloads(end, kPrincipal, reason, std::max(forgotten_, segments[0].first_index)));
    forgotten_ = end;
    return true;
  }
  return HV_TRY(with_.ledger.prune(end, kPrincipal, reason)).has_value();
}

}  // namespace hv::service
