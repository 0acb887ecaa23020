#include "audit/subscription.h"

#include <utility>

namespace hv::audit {

struct Subscription::Queue {
  Query query;
  size_t capacity = 0;
  // Cleared when the subscription goes, under the lock that a wake is called with: none comes afterwards.
  Wake wake;
  std::mutex mutex;
  Batch batch;
};

Subscription::Subscription(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

Subscription::~Subscription() {
  std::lock_guard lock(queue_->mutex);
  queue_->wake = {};
}

Subscription::Batch Subscription::take() {
  std::lock_guard lock(queue_->mutex);
  return std::exchange(queue_->batch, {});
}

std::unique_ptr<Subscription> SubscriptionHub::subscribe(Query query, size_t capacity, Subscription::Wake wake) {
  auto queue = std::make_shared<Subscription::Queue>();
  queue->query = std::move(query);
  queue->capacity = capacity;
  queue->wake = std::move(wake);
  std::lock_guard lock(mutex_);
  queues_.push_back(queue);
  return std::unique_ptr<Subscription>(new Subscription(std::move(queue)));
}

bool SubscriptionHub::wanted() {
  std::lock_guard lock(mutex_);
  std::erase_if(queues_, [](const auto& queue) { return queue.expired(); });
  return !queues_.empty();
}

void SubscriptionHub::publish(const std::shared_ptr<const Entry>& entry) {
  std::lock_guard hub_lock(mutex_);
  for (const std::weak_ptr<Subscription::Queue>& weak : queues_) {
    std::shared_ptr<Subscription::Queue> queue = weak.lock();
    if (!queue || !matches(queue->query, entry->envelope)) continue;
    std::lock_guard lock(queue->mutex);
    Subscription::Batch& batch = queue->batch;
    bool was_empty = batch.entries.empty() && batch.missed == 0;
    // Once one was dropped all are, until the reader comes: what it takes then is in order and its gap is at the end.
    if (batch.missed == 0 && batch.entries.size() < queue->capacity) {
      batch.entries.push_back(entry);
    } else {
      if (batch.missed++ == 0) batch.first_missed = entry->envelope.index;
      batch.last_missed = entry->envelope.index;
    }
    if (was_empty && queue->wake) queue->wake();
  }
}

}  // namespace hv::audit
