// Denials on their way to the ledger, so that whoever asks without end does not fill it: the first of a kind is
// recorded at once, and those that follow it are counted and recorded together, a second later. Bounded, however many
// different things somebody asks for; nothing is lost, since the counts say it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "core/event.h"

namespace hv::service {

// Thread-safe.
class Denials {
 public:
  // Recorded one by one of each principal; further ones that differ are counted together by what was asked.
  static constexpr size_t kSingly = 32;

  // `later` has flush() called a second afterwards; from any thread.
  Denials(core::Recorder& recorder, std::function<void()> later) : recorder_(recorder), later_(std::move(later)) {}

  // One that cannot be recorded now is counted, and tried again.
  void add(core::Event event);
  // Records what was counted. To be called before the ledger closes, too.
  void flush();

 private:
  struct Entry {
    core::Event event;    // the first
    uint64_t more = 0;    // not recorded yet
    bool others = false;  // it stands for different ones
  };
  using Entries = std::map<std::string, Entry>;

  void count(const std::string& key, const Entry& entry);
  void have_flushed_later();

  core::Recorder& recorder_;
  std::function<void()> later_;
  std::mutex mutex_;
  std::map<std::string, Entries> by_principal_;
  bool due_ = false;
};

}  // namespace hv::service
