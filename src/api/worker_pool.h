// Threads for calls that block on files: few, named, joined. A full queue is said at once rather than waited for.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hv::api {

class WorkerPool {
 public:
  explicit WorkerPool(size_t threads = 4, size_t queue = 256);
  ~WorkerPool() { finish(); }
  // Runs what was submitted, then ends: to be called while everything that the tasks touch is still there. Nothing is
  // taken afterwards.
  void finish();
  // False when the queue is full; the task was not taken. Any thread.
  bool submit(std::function<void()> task);

 private:
  void work();

  size_t limit_;
  std::mutex mutex_;  // guards what follows up to threads_
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hv::api
