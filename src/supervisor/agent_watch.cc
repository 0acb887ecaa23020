#include "supervisor/agent_watch.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "isolation/seccomp_install.h"
#include "monitor/denial_folder.h"
#include "monitor/exec_folder.h"
#include "monitor/exec_follower.h"
#include "monitor/exit_follower.h"
#include "monitor/file_claim_folder.h"
#include "monitor/monitor.h"

namespace hv::supervisor {

namespace {

// How long after a failed write the spool is tried again, while the agent stands still.
constexpr std::chrono::milliseconds kRetry{100};

// How long after the first end of a process the others are waited for, to be read and written together.
constexpr std::chrono::milliseconds kGatherEnds{100};

}  // namespace

struct Answer {
  monitor::Notification call;
  int error = 0;
  bool follow = false;
  uint64_t image = 0;
};

struct AgentWatch::State {
  base::EventLoop& loop;
  monitor::Listener listener;
  monitor::Monitor monitor;
  const Discretion& discretion;
  Record record;
  BeforeWrite before_write;
  Stalled stalled;
  monitor::ExitFollower exits;
  monitor::DenialFolder folder{};
  monitor::ExecFolder execs{};
  monitor::FileClaimFolder files{};
  monitor::ExecFollower follower{};
  std::optional<base::EventLoop::TimerId> timer{};
  base::MonotonicTime timer_due{};
  std::optional<base::EventLoop::TimerId> gathering{};
  // Records that could not be written, and the calls that wait. While the agent stands still, no call is received or
  // answered: until its records can be written, or because it has asked for too much.
  std::vector<std::string> unwritten{};
  std::vector<Answer> unanswered{};
  bool told_stalled = false;
  std::optional<base::EventLoop::TimerId> standing{};

  base::MonotonicTime now() const { return base::system_clock().monotonic(); }
  void write(const monitor::Record& what);
  bool keep(const std::string& payload);
  void stand_still(std::chrono::nanoseconds how_long);
  void go_on();
  void on_events(uint32_t events);
  void handle(const monitor::Notification& notification);
  void give(const Answer& answer);
  void set_timer();
  void on_timer();
  void on_end();
  void write_ends();
};

void AgentWatch::State::write(const monitor::Record& what) {
  std::string payload = monitor::encode(what);
  // In order: nothing overtakes what waits.
  if (unwritten.empty() && keep(payload)) return;
  unwritten.push_back(std::move(payload));
  stand_still(kRetry);
}

bool AgentWatch::State::keep(const std::string& payload) {
  base::Status kept = record(payload);
  if (kept.has_value() == told_stalled && stalled) {
    told_stalled = !kept.has_value();
    stalled(kept ? std::string() : kept.error().message());
  }
  return kept.has_value();
}

void AgentWatch::State::stand_still(std::chrono::nanoseconds how_long) {
  if (standing) return;
  static_cast<void>(loop.modify(listener.fd(), 0));
  standing = loop.after(how_long, [this] { go_on(); });
}

void AgentWatch::State::go_on() {
  standing.reset();
  while (!unwritten.empty()) {
    if (!keep(unwritten.front())) return stand_still(kRetry);
    unwritten.erase(unwritten.begin());
  }
  for (const Answer& answer : std::exchange(unanswered, {})) give(answer);
  static_cast<void>(loop.modify(listener.fd(), EPOLLIN));
}

void AgentWatch::State::handle(const monitor::Notification& notification) {
  monitor::Verdict verdict = monitor.examine(notification);
  Answer answer{notification, verdict.error, false, verdict.image};
  if (verdict.record && !discretion.apply(*verdict.record)) verdict.record.reset();
  if (verdict.record) {
    if (const auto* denied = std::get_if<monitor::DeniedCall>(&*verdict.record)) {
      if (auto first = folder.add(*denied, now())) write(*first);
    } else if (const auto* attempt = std::get_if<monitor::ExecAttempt>(&*verdict.record)) {
      auto first = execs.add(*attempt, now());
      if (first) write(*first);
      // While it still waits: an answered one may be gone.
      if (verdict.error == 0) exits.attempted(notification.pid, now());
      // What was only counted is not looked at again either.
      answer.follow = verdict.error == 0 && first.has_value();
    } else if (const auto* claim = std::get_if<monitor::FileClaim>(&*verdict.record)) {
      if (auto first = files.add(*claim, now())) write(*first);
    } else {
      write(*verdict.record);
    }
  }
  if (verdict.writes && before_write)
    before_write(*verdict.writes, [&](const std::string& path) { return monitor.link_inside(notification.pid, path); });
  if (auto pause = execs.pause(now()); pause.count() > 0) stand_still(pause);
  if (standing) {
    unanswered.push_back(answer);
  } else {
    give(answer);
  }
}

void AgentWatch::State::give(const Answer& answer) {
  // An answer that finds nobody waiting any more is no failure: the caller was killed.
  if (answer.error != 0) {
    static_cast<void>(listener.answer_error(answer.call.id, answer.error));
  } else {
    static_cast<void>(listener.let_continue(answer.call.id));
  }
  if (answer.follow) follower.attempted(answer.call.pid, answer.image, now());
  set_timer();
}

void AgentWatch::State::on_events(uint32_t events) {
  if ((events & EPOLLIN) != 0) {
    base::Result<std::optional<monitor::Notification>> notification = listener.receive();
    if (notification && *notification) handle(**notification);
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    // No process under the filter is left.
    loop.unwatch(listener.fd());
  }
}

void AgentWatch::State::set_timer() {
  std::optional<base::MonotonicTime> due = folder.next_due();
  for (auto other : {follower.next_due(), execs.next_due(), files.next_due()})
    if (other && (!due || *other < *due)) due = other;
  if (!due || (timer && timer_due <= *due)) return;
  // A look at what runs is due sooner than the count of refusals that the timer was set for.
  if (timer) loop.cancel(*timer);
  timer_due = *due;
  timer = loop.after(std::max(base::MonotonicTime{}, *due - now()), [this] { on_timer(); });
}

void AgentWatch::State::on_timer() {
  timer.reset();
  for (const monitor::ExecObserved& observed : follower.take_due(monitor, now())) {
    monitor::Record seen = observed;
    if (!discretion.apply(seen)) continue;
    exits.observed(static_cast<pid_t>(observed.pid), std::get<monitor::ExecObserved>(seen).executable);
    write(seen);
  }
  for (const monitor::DeniedCall& denied : folder.take_due(now())) write(denied);
  for (const monitor::ExecFolded& folded : execs.take_due(now())) write(folded);
  for (const monitor::FileClaim& claim : files.take_due(now())) write(claim);
  set_timer();
}

// The first end wakes; the others of the next moment are only noted by the kernel.
void AgentWatch::State::on_end() {
  static_cast<void>(loop.modify(exits.fd(), 0));
  gathering = loop.after(kGatherEnds, [this] {
    gathering.reset();
    write_ends();
    static_cast<void>(loop.modify(exits.fd(), EPOLLIN));
  });
}

void AgentWatch::State::write_ends() {
  for (const monitor::Record& ended : exits.take(now())) write(ended);
}

AgentWatch::AgentWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
AgentWatch::AgentWatch(AgentWatch&&) noexcept = default;

AgentWatch::~AgentWatch() {
  if (!state_) return;
  state_->loop.unwatch(state_->listener.fd());
  if (state_->exits.fd() >= 0) state_->loop.unwatch(state_->exits.fd());
  for (auto timer : {state_->timer, state_->standing, state_->gathering})
    if (timer) state_->loop.cancel(*timer);
  flush();
}

void AgentWatch::flush() {
  for (const monitor::DeniedCall& denied : state_->folder.take_all()) state_->write(denied);
  for (const monitor::ExecFolded& folded : state_->execs.take_all()) state_->write(folded);
  for (const monitor::FileClaim& claim : state_->files.take_all()) state_->write(claim);
  for (const monitor::Record& ended : state_->exits.finish(state_->now())) state_->write(ended);
}

base::Result<AgentWatch> AgentWatch::start(base::EventLoop& loop, base::Fd listener, std::vector<uint32_t> denied,
                                           const Discretion& discretion, monitor::ExitFollower exits, Record record,
                                           BeforeWrite before_write, Stalled stalled) {
  isolation::set_listener_sync_wake_up(listener.get());
  base::Fd proc = HV_TRY(base::open_file("/proc", O_PATH | O_DIRECTORY));
  auto state = std::unique_ptr<State>(new State{
      loop, HV_TRY(monitor::Listener::over(std::move(listener))), monitor::Monitor(std::move(proc), std::move(denied)),
      discretion, std::move(record), std::move(before_write), std::move(stalled), std::move(exits)});
  State* raw = state.get();
  HV_TRY(loop.watch(raw->listener.fd(), EPOLLIN, [raw](uint32_t events) { raw->on_events(events); }));
  if (raw->exits.fd() >= 0) HV_TRY(loop.watch(raw->exits.fd(), EPOLLIN, [raw](uint32_t) { raw->on_end(); }));
  return AgentWatch(std::move(state));
}

}  // namespace hv::supervisor
