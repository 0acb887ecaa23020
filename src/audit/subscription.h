// Events as they are recorded, for readers in the same process. The writer never waits for a reader: a queue is
// bounded, and a reader that was too slow is told which entries it missed, to read them from the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "audit/reader.h"

namespace hv::audit {

class SubscriptionHub;

class Subscription {
 public:
  // Something to take; called on a recording thread, which holds the ledger's lock: post to your own loop and return.
  using Wake = std::function<void()>;

  struct Batch {
    std::vector<std::shared_ptr<const Entry>> entries;
    // After those entries, this many that fit were dropped, the first and last of them at these indexes.
    uint64_t missed = 0;
    uint64_t first_missed = 0;
    uint64_t last_missed = 0;
  };

  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  // What has come since the last call; any thread. After it, `wake` is called again for the next entry.
  Batch take();

 private:
  friend class SubscriptionHub;
  struct Queue;
  explicit Subscription(std::shared_ptr<Queue> queue);
  std::shared_ptr<Queue> queue_;
};

class SubscriptionHub {
 public:
  // Only the filters of `query` count: sandbox, kind_prefix, principal, from.
  std::unique_ptr<Subscription> subscribe(Query query, size_t capacity, Subscription::Wake wake);
  // The caller serialises publish(), so that entries arrive in their order.
  bool wanted();
  void publish(const std::shared_ptr<const Entry>& entry);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Subscription::Queue>> queues_;
};

}  // namespace hv::audit
