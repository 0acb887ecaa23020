#include "service/payload_life.h"

#include <algorithm>
#include <cerrno>

#include <dirent.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "base/units.h"
#include "core/id.h"

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kPrincipal = "system";

std::chrono::milliseconds pause_of(std::chrono::milliseconds keep) {
  return std::clamp(keep / 8, PayloadLife::kSoonest, PayloadLife::kLatest);
}

}  // namespace

PayloadLife::PayloadLife(Options options) : with_(std::move(options)) {
  DIR* stream = ::opendir(with_.directory.c_str());
  if (stream == nullptr) {
    if (errno != ENOENT) problem_ = base::Error::from_errno(errno, "read", with_.directory).text();
    return;
  }
  auto read = [](const std::string& path) -> Result<Rule> {
    std::string text = HV_TRY(base::read_file(path));
    base::json::Value value = HV_TRY(base::json::parse(text));
    auto reader = HV_TRY(base::json::ObjectReader::over(value));
    Rule rule;
    rule.policy = HV_TRY(reader.string("policy"));
    rule.keep = std::chrono::milliseconds(HV_TRY(reader.integer("keep_ms")));
    rule.done = static_cast<uint64_t>(HV_TRY(reader.integer("done")));
    HV_TRY(reader.finish());
    if (rule.keep.count() <= 0) return Failure(base::invalid_argument("'keep_ms' must be more than 0"));
    return rule;
  };
  while (dirent* entry = ::readdir(stream)) {
    Result<core::SandboxId> id = core::SandboxId::parse(entry->d_name);
    if (!id) continue;
    if (Result<Rule> rule = read(path_of(id->text())))
      rules_.emplace(id->text(), *std::move(rule));
    else
      problem_ = path_of(id->text()) + ": " + rule.error().message();
  }
  ::closedir(stream);
}

Status PayloadLife::write(const std::string& sandbox, const Rule& rule) const {
  HV_TRY(base::make_directories(with_.directory));
  base::json::Object file{{"policy", rule.policy}, {"keep_ms", rule.keep.count()}, {"done", rule.done}};
  return base::replace_file(path_of(sandbox), base::json::serialize(file));
}

Status PayloadLife::note(const std::string& sandbox, const std::string& policy, uint64_t keep_millis) {
  std::lock_guard lock(mutex_);
  auto known = rules_.find(sandbox);
  if (keep_millis == 0) {
    if (known == rules_.end()) return {};
    if (::unlink(path_of(sandbox).c_str()) != 0 && errno != ENOENT)
      return Failure(base::Error::from_errno(errno, "remove", path_of(sandbox)));
    rules_.erase(known);
    return {};
  }
  Rule rule{policy, std::chrono::milliseconds(keep_millis), known == rules_.end() ? 0 : known->second.done, {}};
  HV_TRY_CONTEXT(write(sandbox, rule), "remember how long its payloads are kept");
  rules_.insert_or_assign(sandbox, std::move(rule));
  return {};
}

Result<bool> PayloadLife::step() {
  std::map<std::string, Rule> rules;
  {
    std::lock_guard lock(mutex_);
    rules = rules_;
  }
  base::WallTime now = with_.clock.wall();
  for (auto& [sandbox, rule] : rules) {
    // A clock that was set back makes nothing wait for longer than the pause.
    if (now < rule.next && rule.next - now <= pause_of(rule.keep)) continue;
    if (HV_TRY_CONTEXT(step_of(sandbox, rule), "delete what sandbox " + sandbox + " did from the ledger")) return true;
  }
  return false;
}

Result<bool> PayloadLife::step_of(const std::string& sandbox, Rule& rule) {
  const Rule before = rule;
  base::WallTime now = with_.clock.wall();
  uint64_t old = HV_TRY(with_.first_since(now - rule.keep));
  std::optional<uint64_t> first = HV_TRY(with_.first_of(sandbox, rule.done, old));
  if (!first) {
    rule.done = std::max(rule.done, old);
    rule.next = now + pause_of(rule.keep);
    // What is gone brings nothing more, and once all of it is deleted nothing remains to be remembered.
    bool over = !with_.exists(sandbox) && !HV_TRY(with_.first_of(sandbox, rule.done, with_.ledger.size()));
    HV_TRY(settle(sandbox, before, rule, over));
    return false;
  }
  std::vector<audit::SegmentFile> segments = HV_TRY(audit::list_segments(with_.ledger.directory()));
  auto next = std::ranges::upper_bound(segments, *first, {}, &audit::SegmentFile::first_index);
  uint64_t end = next == segments.end() ? old : std::min(old, next->first_index);
  std::string reason = base::format("older than {} (audit.keep_payloads of policy '{}')", base::to_text(rule.keep),
                                    base::printable(rule.policy));
  (void)HV_TRY(with_.ledger.forget_payloads(end, std::string(kPrincipal), reason, *first, sandbox));
  rule.done = end;
  HV_TRY(settle(sandbox, before, rule, false));
  return true;
}

Status PayloadLife::settle(const std::string& sandbox, const Rule& before, const Rule& after, bool over) {
  std::lock_guard lock(mutex_);
  auto known = rules_.find(sandbox);
  if (known == rules_.end() || known->second.keep != before.keep || known->second.policy != before.policy) return {};
  if (over) {
    rules_.erase(known);
    if (::unlink(path_of(sandbox).c_str()) != 0 && errno != ENOENT)
      return Failure(base::Error::from_errno(errno, "remove", path_of(sandbox)));
    return {};
  }
  known->second = after;
  return after.done == before.done ? Status() : write(sandbox, after);
}

}  // namespace hv::service
