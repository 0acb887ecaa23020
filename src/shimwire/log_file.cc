#include "shimwire/log_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hv::shimwire {

using base::Error;
using base::Failure;
using base::Result;

// Holes are whole blocks; this is a multiple of every file system's.
static constexpr uint64_t kBlock = uint64_t{64} << 10;

LogWriter::LogWriter(base::Fd file, Limits limits) : file_(std::move(file)), limits_(limits) {
  limits_.first = (limits_.first + kBlock - 1) / kBlock * kBlock;
  hole_end_ = limits_.first;
  struct stat about{};
  if (file_ && ::fstat(file_.get(), &about) == 0) size_ = static_cast<uint64_t>(about.st_size);
}

void LogWriter::append(std::string_view bytes) {
  if (!file_) return;
  if (no_holes_ && size_ >= limits_.first) {
    // Only its length goes on: readers are told what is missing.
    size_ += bytes.size();
    static_cast<void>(::ftruncate(file_.get(), static_cast<off_t>(size_)));
    return;
  }
  while (!bytes.empty()) {
    ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    size_ += static_cast<uint64_t>(count);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  if (size_ > hole_end_ + 2 * limits_.newest) give_back();
}

void LogWriter::give_back() {
  uint64_t end = (size_ - limits_.newest) / kBlock * kBlock;
  if (end <= hole_end_) return;
  if (::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(hole_end_),
                  static_cast<off_t>(end - hole_end_)) != 0) {
    no_holes_ = true;
    return;
  }
  hole_end_ = end;
}

Result<LogPiece> read_log_file(int file, uint64_t offset, size_t limit) {
  off_t data = ::lseek(file, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    if (errno != ENXIO) return Failure(Error::from_errno(errno, "read the log"));
    // The end, or a hole up to it.
    struct stat about{};
    if (::fstat(file, &about) != 0) return Failure(Error::from_errno(errno, "read the log"));
    data = std::max(static_cast<off_t>(offset), about.st_size);
  }
  LogPiece piece;
  piece.next = static_cast<uint64_t>(data);
  if (piece.next > offset) {
    piece.bytes = "\n[hydravisor: " + std::to_string(piece.next - offset) + " bytes of output were not kept]\n";
    return piece;
  }
  piece.bytes.resize(limit);
  ssize_t count = ::pread(file, piece.bytes.data(), limit, data);
  if (count < 0) return Failure(Error::from_errno(errno, "read the log"));
  // Looked for after the reading: a hole may have been made meanwhile.
  off_t hole = ::lseek(file, data, SEEK_HOLE);
  if (hole >= data) count = std::min<ssize_t>(count, hole - data);
  piece.bytes.resize(static_cast<size_t>(count));
  piece.next += static_cast<uint64_t>(count);
  return piece;
}

}  // namespace hv::shimwire
