// The spool: a sandbox's events in its own directory, written by its supervisor, read by whichever daemon lives. A
// record that append() returned from survives kill -9 of both. File format: docs/spool-format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"

namespace hv::shimwire {

// What a record's payload is, its first byte.
enum class SpoolFamily : uint8_t {
  monitor = 1,          // monitor/record.h
  host_port_connected,  // HostPortEvent
  host_port_closed,     // HostPortEvent
  job_ended,            // JobEnded
  note,                 // JSON object {"kind": ..., "payload": {...}} for what happens once in a life
  network_attempt,      // core::NetworkEvent, before its effect
  network_told,         // core::NetworkEvent: ended, refused, or without effect outside
};

struct SpoolRecord {
  uint64_t sequence = 0;  // 1, 2, 3, ...
  base::WallTime wall{};
  base::MonotonicTime monotonic{};
  SpoolFamily family = SpoolFamily::note;
  std::string payload;
};

class SpoolWriter {
 public:
  // Opens `spool` in `directory` (a descriptor, kept by the caller) for appending, and continues its numbering.
  static base::Result<SpoolWriter> open(int directory, const base::Clock& clock);
  // One write(2); after a failure or a short write the torn bytes are cut off and the sequence is not used. While they
  // cannot be cut off nothing is appended.
  base::Result<uint64_t> append(SpoolFamily family, std::string_view payload);
  uint64_t last_sequence() const { return sequence_; }

 private:
  SpoolWriter(base::Fd file, const base::Clock& clock) : file_(std::move(file)), clock_(&clock) {}
  base::Fd file_;
  const base::Clock* clock_;
  uint64_t sequence_ = 0;
  uint64_t size_ = 0;
  bool torn_ = false;  // bytes of a failed append may stand behind size_
};

class SpoolReader {
 public:
  static base::Result<SpoolReader> open(const std::string& path, uint64_t offset = 0);
  // The next whole record; nothing when there is none yet. invalid_argument at bytes that are no record, or not the
  // next one: the rest of the spool cannot be trusted. The supervisor writes fixed fields and bounded strings, so a
  // malformed frame means a broken disk, a broken supervisor, or somebody who writes to its file.
  base::Result<bool> next(SpoolRecord& record);
  // Whether something was read that next() has not returned yet: asked in between, that leaves the file alone.
  bool holds_more() const { return !buffer_.empty(); }
  uint64_t offset() const { return offset_; }

 private:
  explicit SpoolReader(base::Fd file) : file_(std::move(file)) {}
  base::Fd file_;
  uint64_t offset_ = 0;
  std::optional<uint64_t> last_;  // the number of the record before, where it is known
  std::string buffer_;
};

}  // namespace hv::shimwire
