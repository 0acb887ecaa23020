// The writer's side of the journal: appends frames to the newest segment and finds, on opening, where the last run left
// it. The caller serialises all calls but sync().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "audit/envelope.h"
#include "audit/file_layer.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/fd.h"
#include "base/result.h"

namespace hv::audit {

// What opening found behind the last sound record, and set aside.
struct TornTail {
  uint64_t index = 0;  // the entry that would have stood there
  uint64_t bytes = 0;
  uint64_t whole_records = 0;  // sound records among those bytes: behind a hole, as a power cut can leave
  std::string kept_as;         // the file that holds the bytes now, relative to the ledger's directory
  base::Digest hash{};         // SHA-256 of those bytes
};

class Journal {
 public:
  struct Options {
    std::string directory;  // the ledger's
    uint64_t segment_bytes = uint64_t{64} << 20;
    uint64_t sealed = 0;  // the size of the last checkpoint: nothing below it may be missing
    FileLayer* files = nullptr;
    const base::Clock* clock = nullptr;
  };
  using OnRecord = std::function<void(const Envelope&)>;

  // Reads from the newest segment whose first index is at most `scan_from` and calls `on_record` for each record found
  // whose version is known.
  // conflict when a record is damaged that cannot be a torn tail, or when fewer than `sealed` are there.
  static base::Result<Journal> open(Options options, uint64_t scan_from, const OnRecord& on_record);

  uint64_t next_index() const { return next_index_; }
  const std::optional<TornTail>& torn() const { return torn_; }
  bool wants_new_segment() const { return !fd_ || offset_ >= options_.segment_bytes; }
  // Makes the present segment durable and starts the next. On failure nothing has changed.
  base::Status start_segment();
  // Appends `count` frames as the entries from next_index() on. After a failure the file ends before the first of them,
  // or append() refuses until it does.
  base::Status append(std::string_view frames, uint64_t count = 1);
  // Writes the bytes from `offset` on again, after an fdatasync whose failure may have dropped them, and waits for the
  // disk.
  base::Status rewrite_from(uint64_t offset);

  uint64_t segment_first() const { return segment_first_; }
  uint64_t offset() const { return offset_; }
  // The open segment, shared so that it can be synced without the caller's lock.
  std::shared_ptr<const base::Fd> file() const { return fd_; }

 private:
  explicit Journal(Options options) : options_(std::move(options)) {}
  base::Status recover(const OnRecord& on_record, uint64_t scan_from);
  base::Status set_aside(const std::string& path, std::string_view bytes, uint64_t from, uint64_t index);
  base::Status cut_partial();

  Options options_;
  std::shared_ptr<const base::Fd> fd_;
  std::string path_;
  uint64_t segment_first_ = 0;
  uint64_t offset_ = 0;
  uint64_t next_index_ = 0;
  bool partial_ = false;  // bytes of a failed append may stand behind offset_
  std::optional<TornTail> torn_;
};

}  // namespace hv::audit
