// A ledger made searchable. The index follows the writer and is never in its way: it is made from the journal alone,
// one file for each of its segments, by a thread of its own, and whatever is missing, damaged or of another version is
// made again. A search never depends on it: what is not indexed is read from the journal.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "audit/deletions.h"
#include "audit/journal_stream.h"
#include "audit/report.h"
#include "base/result.h"
#include "core/audit_query.h"
#include "index/shard.h"
#include "index/shard_cache.h"

namespace hv::index {

class Index {
 public:
  struct Options {
    std::string ledger;     // its directory
    std::string directory;  // where the index lies; nothing else does
    // How many of the ledger's entries can never change any more. Any thread.
    std::function<uint64_t()> durable;
  };
  struct Standing {
    uint64_t indexed = 0;     // all entries below this one
    uint64_t made_again = 0;  // shards that were damaged or did not fit
    std::string failure;      // why it stands still; empty when all is well
  };
  explicit Index(Options options);
  // Ends the thread, in the middle of a segment if need be.
  ~Index();

  // There is more; any thread, any number of times.
  void wake();
  // For those who measure and test: until all entries below `count` are indexed, or the index stands still.
  void wait_for(uint64_t count);
  Standing standing();

  // Entries that answer `query`, its `sandbox` being an id, `limit` not counting: calls `visit` until it returns false.
  // `size` bounds what is looked at. Any thread; one search at a time.
  using Visit = std::function<bool(const audit::Entry&)>;
  base::Status search(const core::AuditQuery& query, uint64_t size, const Visit& visit);

 private:
  struct Known {
    bool sealed = false;
    uint64_t end = 0;  // behind the last entry that is committed
  };
  void run(const std::stop_token& stop);
  base::Status follow(const std::stop_token& stop);
  base::Status finish(uint64_t segment, uint64_t next_segment);
  void note_deletion(const audit::Entry& entry);
  void drop(uint64_t segment);
  void drop_pruned();
  std::string path_of(uint64_t segment) const;

  // With mutex_ held.
  void moved();
  void mark_damaged(uint64_t segment);
  base::Status search_segment(const core::AuditQuery& query, const std::string& expression, const Span& span,
                              uint64_t segment, const Visit& visit, bool& more);
  base::Status scan(const core::AuditQuery& query, audit::Place from, uint64_t before, const Visit& visit, bool& more);

  const Options options_;
  std::mutex mutex_;  // guards what follows, up to searching_
  std::condition_variable wake_;
  std::condition_variable pause_;  // ended by the destructor, and by those who wait
  std::condition_variable moved_;
  bool woken_ = true;
  int waiting_ = 0;
  std::set<uint64_t> damaged_;  // what a search could not read
  uint64_t first_ = 0;          // the journal's first entry
  std::map<uint64_t, Known> shards_;
  Standing standing_;

  std::mutex searching_;  // taken before mutex_
  ShardCache open_;

  // The thread's own.
  std::optional<ShardWriter> writer_;
  uint64_t writing_ = 0;
  audit::Deletions deleted_;

  std::jthread thread_;
};

}  // namespace hv::index
