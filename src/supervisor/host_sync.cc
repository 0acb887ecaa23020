#include "supervisor/host_sync.h"

#include <utility>

#include <fcntl.h>
#include <ctime>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/sync.h"

namespace hv::supervisor {

namespace {

using base::Failure;
using base::Result;
using base::Status;
using workspace::Entry;
using workspace::FileType;
using workspace::SyncVerdict;

constexpr std::chrono::milliseconds kStartAfter{300};
// An undo on the host writes its files first and its records afterwards; until then it looks like a conflict.
constexpr std::chrono::seconds kRecheckAfter{1};
// By then the first walk of all but the largest trees is done.
constexpr std::chrono::seconds kLookForGapsAfter{5};
// init copies while it serves nothing else.
constexpr uint64_t kLargestFile = uint64_t{256} << 20;
// Paths that are told of; a sandbox that is in conflict with everything is told of no more.
constexpr size_t kMostTold = 1000;

}  // namespace

Result<std::unique_ptr<HostSync>> HostSync::open(base::EventLoop& loop, const std::string& workspace,
                                                 const std::string& records, Hooks hooks) {
  base::Fd directory = HV_TRY(base::open_file(records, O_PATH | O_DIRECTORY));
  workspace::Tree upper = HV_TRY(workspace::Tree::open(records + "/upper"));
  std::unique_ptr<HostSync> self(
      new HostSync(loop, workspace, std::move(hooks), std::move(directory), std::move(upper)));
  // The clock that stamps files.
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  self->began_ = now.tv_sec * 1'000'000'000L + now.tv_nsec;
  return self;
}

HostSync::~HostSync() {
  for (const auto& timer : {start_timer_, recheck_timer_, gap_timer_})
    if (timer) loop_.cancel(*timer);
}

void HostSync::begin(std::string root) {
  root_ = std::move(root);
  start_timer_ = loop_.after(kStartAfter, [this] {
    start_timer_.reset();
    start();
  });
}

void HostSync::start() {
  auto watch = [&]() -> Status {
    // The one name by which a process without a view of the host's files can still reach a directory it holds.
    std::string records = "/proc/self/fd/" + std::to_string(records_.get());
    places_.emplace(workspace::Opened{HV_TRY(workspace::Tree::open(root_)), std::move(upper_), std::move(records)});
    workspace::HostWatcher::Options options;
    options.changed_since = began_;
    watcher_ = HV_TRY(workspace::HostWatcher::start(
        loop_, root_, options, [this](const std::vector<std::string>& paths) { on_report(paths); }));
    return {};
  };
  if (Status watching = watch(); !watching) return tell_gap(watching.error().text());
  gap_timer_ = loop_.after(kLookForGapsAfter, [this] {
    gap_timer_.reset();
    if (!watcher_->unwatched().empty())
      tell_gap(std::to_string(watcher_->unwatched().size()) + " directories are not watched, the first is " +
               base::printable(watcher_->unwatched()[0]));
  });
}

void HostSync::on_report(const std::vector<std::string>& paths) {
  if (!watcher_->complete()) tell_gap("the kernel dropped some of its reports");
  // What apply and undo agreed on meanwhile is in the file.
  if (auto baseline = places_->baseline()) baseline_.emplace(*std::move(baseline));
  waiting_.insert(paths.begin(), paths.end());
  work();
}

// One request at a time: each decision sees what the one before did.
void HostSync::work() {
  while (!current_ && baseline_ && !waiting_.empty()) {
    std::string path = waiting_.extract(waiting_.begin()).value();
    bool is_confirmed = confirmed_.erase(path) != 0;
    auto look = [&]() -> Status {
      std::optional<Entry> host = HV_TRY(places_->host.stat(path));
      if (!host || !baseline_->changed(path, *host)) return {};
      SyncVerdict verdict = workspace::decide_sync(HV_TRY(workspace::sync_facts(*places_, *baseline_, path)));
      if (verdict == SyncVerdict::bring_in) return bring_in(path, *host);
      if (verdict != SyncVerdict::conflict) return {};
      if (is_confirmed) {
        tell_conflict(path, "both the host and the sandbox changed it");
      } else {
        suspect(path);
      }
      return {};
    };
    if (Status looked = look(); !looked) {
      current_.reset();
      tell_conflict(path, looked.error().message());
    }
  }
}

Status HostSync::bring_in(const std::string& path, const Entry& entry) {
  Current next{path, entry, {}, {}};
  if (entry.type == FileType::symlink) {
    next.link = HV_TRY(places_->host.read_link(path));
  } else {
    next.file = HV_TRY(places_->host.open_regular(path));
    // Before its content is read: what is written meanwhile makes it a later file than the one that was brought in.
    next.host = HV_TRY(workspace::stat_fd(next.file.get()));
    if (next.host.size > kLargestFile) return Failure(base::unavailable("the host's new version is too large"));
  }
  shimwire::ImportRequest request{workspace_ + "/" + path, next.host.mode, next.link};
  int file = next.file ? next.file.get() : -1;
  HV_TRY(hooks_.import(request, file));
  current_.emplace(std::move(next));
  return {};
}

void HostSync::imported(const shimwire::Problem& problem) {
  if (!current_) return;
  Current done = *std::exchange(current_, std::nullopt);
  if (problem.message.empty()) {
    if (Status agreed = agree(done); !agreed) tell_conflict(done.path, agreed.error().message());
  } else if (problem.code == base::ErrorCode::conflict) {
    waiting_.insert(done.path);
  } else {
    tell_conflict(done.path, problem.message);
  }
  work();
}

// From here on the sandbox knows the host's file: its copy is no change of its own as long as it stays as it is.
Status HostSync::agree(const Current& done) {
  std::optional<Entry> inside = HV_TRY(places_->upper.stat(done.path));
  if (inside && inside->type != done.host.type) inside.reset();
  if (inside && done.file) {
    base::Fd copy = HV_TRY(places_->upper.open_regular(done.path));
    bool same = HV_TRY(workspace::same_content(done.file.get(), copy.get()));
    if (!same) inside.reset();
  } else if (inside) {
    std::string link = HV_TRY(places_->upper.read_link(done.path));
    if (link != done.link) inside.reset();
  }
  workspace::Baseline::Notes notes;
  std::string above(workspace::parent_of(done.path));
  std::optional<Entry> directory = HV_TRY(places_->host.stat(above));
  notes.add(above, directory);
  notes.add(done.path, done.host, inside);
  HV_TRY(notes.append_to(places_->baseline_file()));
  baseline_->set(above, directory);
  baseline_->set(done.path, done.host, inside);
  return {};
}

void HostSync::suspect(const std::string& path) {
  suspects_.insert(path);
  if (recheck_timer_) return;
  recheck_timer_ = loop_.after(kRecheckAfter, [this] { recheck(); });
}

void HostSync::recheck() {
  recheck_timer_.reset();
  std::set<std::string> again = std::exchange(suspects_, {});
  confirmed_.insert(again.begin(), again.end());
  on_report({again.begin(), again.end()});
}

void HostSync::tell_conflict(const std::string& path, const std::string& reason) {
  if (told_.size() < kMostTold && told_.insert(path).second) hooks_.conflict(path, reason);
}

void HostSync::tell_gap(const std::string& reason) {
  if (!std::exchange(told_gap_, true)) hooks_.gap(reason);
}

}  // namespace hv::supervisor
