// The ledger's one writer. An event is recorded when record() returns (it survives kill -9), durable a few milliseconds
// later (it survives a power cut), and sealed at most a second later (it stands under a signed checkpoint).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "audit/file_layer.h"
#include "audit/journal.h"
#include "audit/key_store.h"
#include "audit/report.h"
#include "audit/spool_index.h"
#include "audit/subscription.h"
#include "audit/tree_writer.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/redaction.h"

namespace hv::audit {

class Ledger final : public core::Recorder {
 public:
  struct Options {
    std::string directory;
    // The log's name in its checkpoints, such as example.com/machine. Empty: the one it has, or an invented one.
    std::string origin;
    const base::Clock* clock = &base::system_clock();
    std::chrono::milliseconds sync_delay{2};  // from an event to its fdatasync, so that a batch shares one
    std::chrono::milliseconds seal_interval{1000};
    std::chrono::seconds key_period{std::chrono::hours(24)};  // 0: only rotate() changes the key
    uint64_t segment_bytes = uint64_t{64} << 20;
    FileLayer* files = &system_files();
    // What the policy of a sandbox, by its id, takes for credentials beside what everybody's are; null for nothing. Any
    // thread.
    std::function<std::shared_ptr<const core::Redaction>(const std::string& sandbox)> redaction = {};
  };
  struct Standing {
    uint64_t recorded = 0;
    uint64_t durable = 0;
    uint64_t sealed = 0;
    uint64_t key_period = 0;
    std::string failure;  // why events are refused now, or why the last seal failed; empty when all is well
  };

  // conflict when another process writes this ledger, or when what is there cannot be continued: damaged, shorter than
  // its checkpoint, or without its key. Records ledger.recovered when it found what no
  // closing leaves: the torn end of a crash, which it sets aside, or entries that no checkpoint covers.
  static base::Result<std::unique_ptr<Ledger>> open(Options options);
  // Seals and ends the writer thread.
  ~Ledger() override;

  // The event's time is filled in when it has none. An event whose origin is recorded already is not recorded again:
  // its index is returned. The events of one spool come in the order of their sequence. Any thread.
  base::Result<uint64_t> record(const core::Event& event) override;
  // What spools hold further, those of one spool together and in the order of their sequence: as record() for each of
  // them, with one write for all, and on its way to the disk at once, since more would have been waited for already.
  // The index of the first that was not recorded before; the others follow it. On failure none is recorded that was not
  // before. invalid_argument for an event of no spool, or of one that came earlier in `events`.
  base::Result<uint64_t> record_spooled(std::span<const core::Event> events);
  // Waits until everything recorded before the call is durable, or sealed.
  base::Status sync();
  base::Status seal();
  // Ends the key's period: the next one is signed, the present one destroyed. Implies seal().
  base::Status rotate();
  // Destroys payload and salt of [first, last]; envelopes and every proof stay. Recorded as ledger.payload_deleted
  // before it is done. Events of the ledger itself keep theirs: denied.
  base::Status delete_payloads(uint64_t first, uint64_t last, const std::string& principal, const std::string& reason);
  // The same for all entries from `from` and below `before` that are not the ledger's own: what a retention asks for.
  // The numbers of the first and the last one; nothing when there is none left.
  // With a sandbox, those of its entries alone; a proof of containment is kept, which says nothing of what was done.
  base::Result<std::optional<Range>> forget_payloads(uint64_t before, const std::string& principal,
                                                     const std::string& reason, uint64_t from = 0,
                                                     const std::string& sandbox = {});
  // Whether those would go.
  static bool can_forget(const Envelope& envelope, const std::string& sandbox);
  // Removes the segments that lie wholly below `before`, and the entry bundles; the hashes stay, so that everything can
  // still be verified. Recorded and sealed as ledger.pruned before it is done. The range removed; nothing when there is
  // none. conflict for what is not sealed.
  base::Result<std::optional<Range>> prune(uint64_t before, const std::string& principal, const std::string& reason);

  // Packs the oldest segment that is finished, sealed and not packed yet (archive.h): readers notice nothing. The bytes
  // that it took before and takes now; nothing when there is none to pack.
  struct Packed {
    uint64_t segment = 0;
    uint64_t before = 0;
    uint64_t after = 0;
  };
  base::Result<std::optional<Packed>> pack_next();

  // The highest sequence recorded of this spool, 0 for none.
  uint64_t last_sequence(const std::string& spool);
  uint64_t size();
  Standing standing();
  const std::string& directory() const { return options_.directory; }
  const std::optional<TornTail>& torn() const { return torn_; }
  // What a verifier needs: the public key of the present period.
  VerifierKey verifier_key();
  // `told` is called by the writer thread whenever more has become durable, with the ledger's lock held: it only wakes
  // somebody. One listener.
  void on_durable(std::function<void()> told);
  // A bounded queue of what is recorded from now on; see subscription.h.
  std::unique_ptr<Subscription> subscribe(Query query, size_t capacity, Subscription::Wake wake);

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Time = std::chrono::steady_clock::time_point;
  // A wish for the writer thread, and how it went.
  struct Request {
    enum class Kind { sync, seal, rotate } kind = Kind::sync;
    bool done = false;
    base::Status status;
  };

  Ledger(Options options, base::Fd lock_file, KeyStore keys, Journal journal, SpoolIndex spools, TreeWriter tree);
  // An event on its way into the journal: all but its index.
  struct Draft {
    Envelope envelope;
    std::string salt;
    std::string payload;
  };
  base::Result<Draft> draft(const core::Event& event) const;
  base::Result<uint64_t> append(Lock& lock, std::span<Draft> drafts);
  base::Status ask(Request::Kind kind);
  base::Result<uint64_t> find_origin(const core::Origin& origin, uint64_t before);
  base::Status prepare_to_append(Lock& lock);
  base::Status erase_payloads(const Range& range, const std::string& sandbox);
  base::Status erase_in_segment(const SegmentFile& file, const Range& range, const std::string& sandbox);
  base::Status erase_in_archive(const SegmentFile& file, const Range& range, const std::string& sandbox);

  // The writer thread. Each takes the lock held and returns with it held.
  void run();
  base::Status sync_now(Lock& lock);
  base::Status seal_now(Lock& lock, bool again = false);
  base::Status rotate_now(Lock& lock);
  bool urgent() const { return stopping_ || !requests_.empty(); }
  bool period_is_over() const;

  const Options options_;
  const base::Fd lock_file_;
  std::optional<TornTail> torn_;

  std::mutex keeping_house_;  // of those who change or remove finished segments; taken before mutex_
  std::mutex mutex_;          // guards what follows, up to hub_
  std::condition_variable wake_writer_;
  std::condition_variable request_done_;
  Journal journal_;
  SpoolIndex spools_;
  // Envelopes that the tree has not seen, one behind the other.
  struct Fresh {
    std::string texts;
    std::vector<size_t> ends;
  } fresh_;
  std::string frames_;  // kept for its memory only
  Time fresh_since_{};
  bool fresh_complete_ = false;  // nothing more is waited for
  bool writer_waits_ = false;
  bool stopping_ = false;
  uint64_t durable_ = 0;
  uint64_t durable_offset_ = 0;  // in the journal's present segment
  uint64_t sealed_ = 0;
  uint64_t pruned_ = 0;  // entries below are known by their tiles' hashes alone
  std::optional<base::Error> sync_failure_;
  std::string seal_failure_;
  std::vector<std::shared_ptr<Request>> requests_;
  std::function<void()> on_durable_;
  KeyStore keys_;  // changed by the writer thread only, with the lock held
  SubscriptionHub hub_;

  TreeWriter tree_;  // the writer thread's own
  std::jthread writer_;
};

}  // namespace hv::audit
