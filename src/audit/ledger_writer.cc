// The ledger's own thread: batches become durable, durable entries sealed, and each period's key gives way to the next.
#include <algorithm>
#include <cerrno>

#include "audit/ledger.h"
#include "audit/ledger_event.h"
#include "base/check.h"
#include "base/scheduling.h"

namespace hv::audit {

bool Ledger::period_is_over() const {
  return options_.key_period.count() > 0 && options_.clock->wall() - keys_.since() >= options_.key_period;
}

void Ledger::run() {
  // Agents that keep the machine busy must not hold up their own record.
  base::ask_for_short_slices();
  Lock lock(mutex_);
  Time next_seal = std::chrono::steady_clock::now() + options_.seal_interval;
  auto something_to_do = [&] { return urgent() || !fresh_.ends.empty(); };
  for (;;) {
    bool unsealed = tree_.size() > sealed_;
    writer_waits_ = true;
    if (unsealed) {
      wake_writer_.wait_until(lock, next_seal, something_to_do);
    } else {
      wake_writer_.wait(lock, something_to_do);
      next_seal = std::chrono::steady_clock::now() + options_.seal_interval;
    }
    writer_waits_ = false;
    if (!urgent() && !fresh_complete_ && !fresh_.ends.empty()) {
      Time batch_end = fresh_since_ + options_.sync_delay;
      wake_writer_.wait_until(lock, batch_end, [&] { return urgent() || fresh_complete_; });
    }
    fresh_complete_ = false;
    std::vector<std::shared_ptr<Request>> requests = std::exchange(requests_, {});
    bool stopping = stopping_;
    base::Status synced = fresh_.ends.empty() && requests.empty() ? base::Status{} : sync_now(lock);

    auto wants = [&](Request::Kind kind) {
      return std::ranges::any_of(requests, [&](const auto& request) { return request->kind == kind; });
    };
    base::Status sealed;
    bool due = tree_.size() > sealed_ && std::chrono::steady_clock::now() >= next_seal;
    if (due || stopping || wants(Request::Kind::seal)) {
      sealed = seal_now(lock);
      seal_failure_ = sealed ? std::string() : sealed.error().text();
      next_seal = std::chrono::steady_clock::now() + options_.seal_interval;
    }
    base::Status rotated;
    if (wants(Request::Kind::rotate) || (due && sealed && period_is_over())) rotated = rotate_now(lock);

    for (const auto& request : requests) {
      request->status = request->kind == Request::Kind::sync   ? synced
                        : request->kind == Request::Kind::seal ? sealed
                                                               : rotated;
      request->done = true;
    }
    if (!requests.empty()) request_done_.notify_all();
    if (stopping && requests_.empty() && (fresh_.ends.empty() || !sealed)) return;
  }
}

base::Status Ledger::sync_now(Lock& lock) {
  Fresh batch = std::exchange(fresh_, {});
  std::shared_ptr<const base::Fd> file = journal_.file();
  uint64_t segment = journal_.segment_first();
  uint64_t offset = journal_.offset();
  uint64_t index = journal_.next_index();
  bool failed_before = sync_failure_.has_value();
  lock.unlock();
  size_t begin = 0;
  for (size_t end : batch.ends) {
    tree_.append(std::string_view(batch.texts).substr(begin, end - begin));
    begin = end;
  }
  int error = file && !failed_before && options_.files->sync(file->get()) != 0 ? errno : 0;
  lock.lock();
  if (error != 0 && !sync_failure_) sync_failure_ = base::Error::from_errno(error, "make the journal durable");
  if (sync_failure_) HV_TRY(prepare_to_append(lock));
  // Another segment may have begun meanwhile; that made this one durable.
  if (segment == journal_.segment_first()) durable_offset_ = std::max(durable_offset_, offset);
  if (index > durable_ && on_durable_) on_durable_();
  durable_ = std::max(durable_, index);
  return {};
}

base::Status Ledger::seal_now(Lock& lock, bool again) {
  HV_TRY(sync_now(lock));
  if (tree_.size() == 0 || (tree_.size() == sealed_ && !again)) return {};
  HV_CHECK(durable_ >= tree_.size());
  HV_TRY(keys_.complete());
  Checkpoint checkpoint{keys_.origin(), tree_.size(), tree_.root()};
  std::string note = keys_.sign(checkpoint.text());
  tree_.keep_hashes_below(pruned_);
  lock.unlock();
  base::Status published = tree_.publish();
  if (published) published = options_.files->replace(options_.directory + "/checkpoint", note, true);
  lock.lock();
  if (!published) return base::Failure(std::move(published).error().with_context("seal the ledger"));
  sealed_ = checkpoint.size;
  return {};
}

base::Status Ledger::rotate_now(Lock& lock) {
  base::WallTime now = options_.clock->wall();
  HV_TRY(keys_.complete());
  VerifierKey next = HV_TRY(keys_.prepare_next(now));
  core::Event event = event_of_ledger(
      "ledger.key_rotated",
      {{"period", keys_.period() + 1}, {"key", next.text()}, {"previous_key", keys_.verifier().text()}});
  Draft written = HV_TRY(draft(event));
  uint64_t index = HV_TRY(append(lock, std::span(&written, 1)));
  // Nothing was recorded between that and what is sealed now: the old key's last tree ends with the event.
  HV_TRY(seal_now(lock));
  HV_CHECK(tree_.size() == index + 1);
  HV_TRY(keys_.hand_over(tree_.size(), tree_.root(), now));
  return seal_now(lock, true);
}

}  // namespace hv::audit
