// Limits that the supervisor keeps itself (open files, disk, time), and what the kernel's counters say of an end.
#include <algorithm>
#include <csignal>

#include <sys/resource.h>

#include "base/format.h"
#include "base/units.h"
#include "supervisor/supervisor.h"
#include "wire/problem.h"

namespace hv::supervisor {

namespace {

// What a command gets to save its work in when its time is over.
constexpr std::chrono::seconds kTimeGrace{10};

std::string size_text(uint64_t bytes) {
  return base::to_text(base::ByteCount{bytes});
}

std::string_view name_of(TimeLimits::Kind kind) {
  return kind == TimeLimits::Kind::wall ? "wall" : kind == TimeLimits::Kind::idle ? "idle" : "window";
}

std::string_view option_for(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::out_of_memory:
      return "--memory";
    case Outcome::Kind::out_of_disk:
      return "--disk";
    case Outcome::Kind::out_of_time:
      return "--wall";
    case Outcome::Kind::idle:
      return "--idle";
    default:
      return "--pids";
  }
}

}  // namespace

bool was_ended(Outcome::Kind kind) {
  return kind == Outcome::Kind::killed_by_policy || kind == Outcome::Kind::out_of_memory ||
         kind == Outcome::Kind::out_of_disk || kind == Outcome::Kind::out_of_time || kind == Outcome::Kind::idle;
}

std::string limit_problem(const core::LaunchSpec& spec, const Outcome& outcome) {
  const std::string& sandbox = spec.name;
  if (!spec.end_reason.empty() && outcome.detail.starts_with(spec.end_reason))
    return wire::problem_text(base::denied("sandbox '" + sandbox + "' was ended: " + outcome.detail)
                                  .with_hint("hydravisor start " + sandbox + " says when it may run again"));
  if (outcome.kind == Outcome::Kind::killed_by_policy)
    return wire::problem_text(base::denied("sandbox '" + sandbox + "' was ended: " + outcome.detail)
                                  .with_hint("what it did: hydravisor audit report " + sandbox));
  std::string ended = was_ended(outcome.kind) ? "was ended: " : "";
  return wire::problem_text(base::denied("sandbox '" + sandbox + "' " + ended + outcome.detail)
                                .with_hint("raise the limit: " + std::string(option_for(outcome.kind))));
}

Status Supervisor::open_limits() {
  const core::Limits& limits = spec_.limits;
  if (!core::skips(spec_.ground, core::Layer::cgroup))
    meter_ = isolation::CgroupMeter(spec_.cgroups, isolation::CgroupMeter::Figures::events);
  if (limits.disk_bytes != 0)
    disk_.emplace(HV_TRY(DiskWatch::open(spec_.counted, spec_.state_directory, limits.disk_bytes)));
  if (limits.wall_millis != 0 || limits.idle_millis != 0 || spec_.ends_in_millis != 0)
    times_.emplace(std::chrono::milliseconds(limits.wall_millis), std::chrono::milliseconds(limits.idle_millis),
                   base::system_clock().monotonic(), std::chrono::milliseconds(spec_.ends_in_millis));
  return {};
}

void Supervisor::begin_limits() {
  if (disk_) disk_->begin(loop_, init_.pid, [this] { on_disk_over(); });
  look_at_time();
}

// Every command inside, the daemon's own probes too. What the requester's shell allows stays where it is less.
core::Command Supervisor::limited(core::Command command) const {
  if (spec_.limits.open_files == 0) return command;
  auto found = std::ranges::find(command.limits, uint32_t{RLIMIT_NOFILE}, &core::Rlimit::resource);
  if (found == command.limits.end())
    found = command.limits.insert(found, {RLIMIT_NOFILE, spec_.limits.open_files, spec_.limits.open_files});
  found->hard = std::min(found->hard, spec_.limits.open_files);
  found->soft = std::min(found->soft, found->hard);
  return command;
}

void Supervisor::note_activity() {
  if (times_) times_->touch(base::system_clock().monotonic());
}

void Supervisor::look_at_time() {
  if (!times_) return;
  loop_.cancel(std::exchange(time_timer_, 0));
  base::MonotonicTime now = base::system_clock().monotonic();
  while (auto due = times_->take_due(now)) {
    if (due->left.count() == 0) return end_for_time(*due);
    warn_of_time(*due);
  }
  if (auto next = times_->next(now)) time_timer_ = loop_.after(*next, [this] { look_at_time(); });
}

void Supervisor::warn_of_time(const TimeLimits::Due& due) {
  std::string left =
      base::to_text(due.left.count() < 1000 ? due.left : std::chrono::floor<std::chrono::seconds>(due.left));
  note("sandbox.limit_near",
       {{"limit", name_of(due.kind)}, {"allowed_ms", due.limit.count()}, {"left_ms", due.left.count()}});
  bool window = due.kind == TimeLimits::Kind::window;
  std::string reason = window ? base::format("{} is over then", spec_.end_reason)
                       : due.kind == TimeLimits::Kind::wall
                           ? base::format("its wall time of {} is over then", base::to_text(due.limit))
                           : base::format("it may be idle for {}", base::to_text(due.limit));
  std::string more = window ? "" : base::format("; more time: hydravisor extend {} 30m", spec_.name);
  for (auto& [number, job] : jobs_)
    job->tell(base::format("hydravisor: '{}' is ended in {}: {}{}\n", spec_.name, left, reason, more));
}

void Supervisor::end_for_time(const TimeLimits::Due& due) {
  bool wall = due.kind != TimeLimits::Kind::idle;
  note("sandbox.limit_reached", {{"limit", name_of(due.kind)}, {"allowed_ms", due.limit.count()}});
  std::string time = base::to_text(due.limit);
  std::string detail = due.kind == TimeLimits::Kind::window ? spec_.end_reason + " was over"
                       : wall                               ? "its wall time of " + time + " was over"
                                                            : "it had been idle for " + time;
  begin_stop(kTimeGrace, {wall ? Outcome::Kind::out_of_time : Outcome::Kind::idle, SIGKILL, std::move(detail)});
}

// No grace: it would go on writing.
void Supervisor::on_disk_over() {
  // What is frozen cannot die before it is thawed, and does not write either.
  if (times_paused_) {
    disk_over_while_paused_ = true;
    return;
  }
  end_init();
  uint64_t used = std::max(disk_->measure(), disk_->counted());
  uint64_t above = used - std::min(used, disk_->limit());
  note("sandbox.limit_reached",
       {{"limit", "disk"}, {"allowed_bytes", disk_->limit()}, {"used_bytes", used}, {"overshoot_bytes", above}});
  finish({Outcome::Kind::out_of_disk, SIGKILL,
          base::format("it had added {} to its files where {} are allowed, {} bytes too many", size_text(used),
                       size_text(disk_->limit()), above)},
         Left::none);
}

void Supervisor::set_paused(bool paused) {
  times_paused_ = paused;
  base::MonotonicTime now = base::system_clock().monotonic();
  if (times_) paused ? times_->pause(now) : times_->resume(now);
  look_at_time();
  if (!paused && std::exchange(disk_over_while_paused_, false)) on_disk_over();
}

void Supervisor::extend(std::chrono::milliseconds more) {
  if (!times_) return;
  times_->extend(more, base::system_clock().monotonic());
  look_at_time();
}

// The kernel kills and refuses without a word to anybody; its counters tell.
Outcome Supervisor::explained(Outcome outcome) const {
  bool failed =
      (outcome.kind == Outcome::Kind::exited && outcome.code != 0) || outcome.kind == Outcome::Kind::signalled;
  if (!failed) return outcome;
  isolation::CgroupUsage usage = meter_.read();
  bool killed = outcome.kind == Outcome::Kind::signalled ? outcome.code == SIGKILL : outcome.code == 128 + SIGKILL;
  if (usage.oom_kills > 0 && killed)
    return {Outcome::Kind::out_of_memory, SIGKILL,
            base::format("it used more memory than its limit of {}", size_text(spec_.limits.memory_bytes))};
  std::string detail = outcome.detail;
  auto add = [&](const std::string& sentence) { detail += (detail.empty() ? "" : "; ") + sentence; };
  if (usage.oom_kills > 0)
    add(base::format("{} of its processes {} killed for memory, at the limit of {}", usage.oom_kills,
                     usage.oom_kills == 1 ? "was" : "were", size_text(spec_.limits.memory_bytes)));
  if (usage.pids_refused > 0)
    add(base::format("it was refused a process or thread {} {}, at the limit of {}", usage.pids_refused,
                     usage.pids_refused == 1 ? "time" : "times", spec_.limits.pids));
  outcome.detail = std::move(detail);
  return outcome;
}

}  // namespace hv::supervisor
