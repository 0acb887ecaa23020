#include "shimwire/spool.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "shimwire/codec.h"

namespace hv::shimwire {

namespace {

// length (of what follows), magic, sequence, wall, monotonic, family, payload.
constexpr uint32_t kMagic = 0x31707348;  // "Hsp1"
constexpr size_t kHead = 4 + 4 + 8 + 8 + 8 + 1;
constexpr size_t kLargest = size_t{1} << 20;

}  // namespace

base::Result<SpoolWriter> SpoolWriter::open(int directory, const base::Clock& clock) {
  base::Fd file = HV_TRY(base::open_file("spool", O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600, directory));
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return base::Failure(base::Error::from_errno(errno, "open the spool"));
  SpoolWriter writer(std::move(file), clock);
  if (about.st_size == 0) return writer;
  // A sandbox started again: find the end, and cut off what a crash left half-written.
  SpoolReader reader = HV_TRY(SpoolReader::open("/proc/self/fd/" + std::to_string(writer.file_.get())));
  SpoolRecord record;
  for (;;) {
    base::Result<bool> more = reader.next(record);
    if (!more || !*more) break;
    writer.sequence_ = record.sequence;
  }
  writer.size_ = reader.offset();
  if (::ftruncate(writer.file_.get(), static_cast<off_t>(writer.size_)) != 0)
    return base::Failure(base::Error::from_errno(errno, "repair the spool"));
  return writer;
}

base::Result<uint64_t> SpoolWriter::append(SpoolFamily family, std::string_view payload) {
  Writer head;
  head.u32(static_cast<uint32_t>(kHead - 4 + payload.size())).u32(kMagic).u64(sequence_ + 1);
  head.u64(static_cast<uint64_t>(clock_->wall().time_since_epoch().count()));
  head.u64(static_cast<uint64_t>(clock_->monotonic().count())).u8(static_cast<uint8_t>(family));
  std::string record = head.take();
  record.append(payload);
  if (torn_ && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
    return base::Failure(base::Error::from_errno(errno, "cut an unfinished record off the spool"));
  torn_ = false;
  ssize_t count;
  do count = ::write(file_.get(), record.data(), record.size());
  while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(record.size())) {
    int error_number = count < 0 ? errno : ENOSPC;
    // Now, since a reader may be at it; the next append insists.
    torn_ = count > 0 && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0;
    return base::Failure(base::Error::from_errno(error_number, "write the spool"));
  }
  size_ += record.size();
  return ++sequence_;
}

base::Result<SpoolReader> SpoolReader::open(const std::string& path, uint64_t offset) {
  // That it was read would be written down each time; a file of somebody else cannot be asked to leave that out.
  base::Result<base::Fd> file = base::open_file(path, O_RDONLY | O_NOATIME);
  if (!file && file.error().os_error() == EPERM) file = base::open_file(path, O_RDONLY);
  SpoolReader reader(HV_TRY(std::move(file)));
  reader.offset_ = offset;
  if (offset == 0) reader.last_ = 0;
  return reader;
}

base::Result<bool> SpoolReader::next(SpoolRecord& record) {
  auto have = [&](size_t wanted) -> base::Result<bool> {
    std::array<char, 65536> chunk;
    while (buffer_.size() < wanted) {
      ssize_t count = ::pread(file_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_ + buffer_.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return base::Failure(base::Error::from_errno(errno, "read the spool"));
      if (count == 0) return false;
      buffer_.append(chunk.data(), static_cast<size_t>(count));
    }
    return true;
  };
  auto malformed = [this] {
    return base::Failure(base::invalid_argument(base::format(
        "the spool holds bytes that are no record, from byte {} on, behind record {}", offset_, last_.value_or(0))));
  };
  if (!HV_TRY(have(kHead))) return false;
  Reader begin(std::string_view(buffer_).substr(0, kHead));
  uint32_t length = begin.u32();
  if (begin.u32() != kMagic || length < kHead - 4 || length > kLargest) return malformed();
  if (!HV_TRY(have(length + 4))) return false;
  // Looked at only now: reading the rest may have moved the buffer.
  Reader head(std::string_view(buffer_).substr(sizeof length + sizeof kMagic, kHead));
  record.sequence = head.u64();
  record.wall = base::WallTime(std::chrono::nanoseconds(head.u64()));
  record.monotonic = base::MonotonicTime(static_cast<int64_t>(head.u64()));
  uint8_t family = head.u8();
  if (family == 0 || family > static_cast<uint8_t>(SpoolFamily::network_told)) return malformed();
  // A number that is not the next would make later records look like ones that are known already.
  if (last_ && record.sequence != *last_ + 1) return malformed();
  last_ = record.sequence;
  record.family = static_cast<SpoolFamily>(family);
  record.payload = buffer_.substr(kHead, length + 4 - kHead);
  buffer_.erase(0, length + 4);
  offset_ += length + 4;
  return true;
}

}  // namespace hv::shimwire
