// The file in which a sandbox's output is kept: the first part and the newest, however much is written. What lies
// between is given back to the file system as a hole, so that every byte keeps its offset and readers need not begin
// anew.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace hv::shimwire {

class LogWriter {
 public:
  struct Limits {
    uint64_t first = uint64_t{8} << 20;   // bytes kept from the beginning
    uint64_t newest = uint64_t{8} << 20;  // and at least from the end; at most twice as many
  };
  LogWriter() = default;  // writes nowhere
  // Goes on at the file's end. `file` is open for writing, not for appending.
  explicit LogWriter(base::Fd file) : LogWriter(std::move(file), Limits{}) {}
  LogWriter(base::Fd file, Limits limits);

  explicit operator bool() const { return static_cast<bool>(file_); }
  // A full disk leaves a gap. Where the file system has no holes, what comes after the first part is not kept.
  void append(std::string_view bytes);

 private:
  void give_back();

  base::Fd file_;
  Limits limits_;
  uint64_t size_ = 0;
  uint64_t hole_end_ = 0;  // what lies before it and after the first part is given back
  bool no_holes_ = false;
};

struct LogPiece {
  std::string bytes;
  uint64_t next = 0;  // where to go on
};

// At most about `limit` bytes from `offset` on; at a hole, a line that says how much is missing. Empty at the end.
base::Result<LogPiece> read_log_file(int file, uint64_t offset, size_t limit);

}  // namespace hv::shimwire
