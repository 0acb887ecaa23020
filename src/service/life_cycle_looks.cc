// Where records come all the time an announcement of each wakes the daemon more often than reading them is worth: it
// reads such spools by its own clock, all of them together, with one write of the journal and one wait for the disk.
#include <chrono>
#include <utility>
#include <vector>

#include "service/life_cycle.h"

namespace hv::service {

using base::Result;

namespace {

// Two announcements within this time are many.
constexpr std::chrono::milliseconds kOften{20};
// With the wait for the disk behind it, how long a power cut can reach back.
constexpr std::chrono::milliseconds kBetweenLooks{4};
// So many looks that find nothing, and it is announced again.
constexpr int kQuiet = 12;

}  // namespace

void LifeCycle::on_announced(const Pointer& sandbox) {
  auto now = std::chrono::steady_clock::now();
  bool often = now - std::exchange(sandbox->announced, now) < kOften;
  keep_reading(sandbox);
  if (!often || sandbox->by_clock || !sandbox->link || !sandbox->link->tell_watching(true, 0)) return;
  sandbox->by_clock = true;
  sandbox->quiet_looks = 0;
  by_clock_.push_back(sandbox);
  if (by_clock_.size() == 1) look_later();
}

void LifeCycle::look_later() {
  next_look_ = with_.loop.after(kBetweenLooks, [this] { look(); });
}

bool LifeCycle::end_looks(LiveSandbox& sandbox) {
  // What it does not hear it would not act upon: who announces nothing is looked at.
  if (!sandbox.link->tell_watching(false, with_.ledger.last_sequence(sandbox.id()))) return false;
  sandbox.by_clock = false;
  return true;
}

void LifeCycle::look() {
  struct Part {
    Pointer sandbox;
    size_t begin;
    size_t end;
    Gathered what;
  };
  std::vector<core::Event>& events = looked_;
  events.clear();
  std::vector<Part> parts;
  std::erase_if(by_clock_, [&](const std::weak_ptr<LiveSandbox>& weak) {
    Pointer sandbox = weak.lock();
    if (!sandbox || !sandbox->link) {
      if (sandbox) sandbox->by_clock = false;
      return true;
    }
    // Nothing more is read of it.
    if (sandbox->damaged) return end_looks(*sandbox);
    // Somebody else reads it already, or will when what stands in the way is gone.
    if (sandbox->reading || sandbox->ending || sandbox->unrecorded || !open_spool(*sandbox)) return false;
    size_t begin = events.size();
    Gathered what = gather(*sandbox, events, false);
    if (begin < events.size() || what.more || what.damage || sandbox->unrecorded) {
      sandbox->quiet_looks = 0;
      parts.push_back({std::move(sandbox), begin, events.size(), std::move(what)});
      return false;
    }
    return ++sandbox->quiet_looks >= kQuiet && end_looks(*sandbox);
  });
  Result<uint64_t> first = with_.ledger.record_spooled(events);
  for (Part& part : parts) {
    auto own = std::span(events).subspan(part.begin, part.end - part.begin);
    // Each for itself where not all could be, so that it shows whose they are.
    Result<uint64_t> first_of_own = first ? Result<uint64_t>(*first + part.begin) : with_.ledger.record_spooled(own);
    bool more = gathered(*part.sandbox, std::move(part.what), own, first_of_own);
    judge_record(part.sandbox);
    if (more) keep_reading(part.sandbox);
  }
  events.clear();
  if (!by_clock_.empty()) look_later();
}

}  // namespace hv::service
