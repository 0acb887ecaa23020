#include "audit/segment_bytes.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hv::audit {

namespace {

constexpr size_t kPiece = size_t{1} << 20;

std::string plain_path(const std::string& directory, uint64_t first_index) {
  return directory + "/journal/" + segment_name(first_index);
}
std::string archive_path(const std::string& directory, uint64_t first_index) {
  return directory + "/journal/" + archive_name(first_index);
}

}  // namespace

std::optional<std::string> segment_path(const std::string& ledger_directory, uint64_t first_index) {
  for (const std::string& path :
       {plain_path(ledger_directory, first_index), archive_path(ledger_directory, first_index)})
    if (base::path_exists(path)) return path;
  return std::nullopt;
}

base::Result<SegmentBytes> SegmentBytes::open(const std::string& ledger_directory, uint64_t first_index) {
  std::string path = plain_path(ledger_directory, first_index);
  base::Result<base::Fd> fd = base::open_file(path, O_RDONLY);
  if (fd) return SegmentBytes(*std::move(fd), std::move(path));
  if (fd.error().os_error() == ENOENT) {
    std::string packed = archive_path(ledger_directory, first_index);
    base::Result<base::Fd> other = base::open_file(packed, O_RDONLY);
    if (other) return SegmentBytes(HV_TRY(Archive::over(*std::move(other), std::move(packed))));
    if (other.error().os_error() != ENOENT) fd = std::move(other);
  }
  return base::Failure(std::move(fd).error().with_context("read the journal"));
}

base::Result<uint64_t> SegmentBytes::size() {
  if (archive_) return archive_->size();
  struct stat about{};
  if (::fstat(fd_.get(), &about) != 0) return base::Failure(base::Error::from_errno(errno, "read the journal", path_));
  return static_cast<uint64_t>(about.st_size);
}

base::Result<size_t> SegmentBytes::read(uint64_t offset, size_t most, std::string& out) {
  size_t before = out.size();
  if (archive_) {
    while (out.size() - before < most) {
      std::string_view some = HV_TRY(archive_->read(offset + out.size() - before, most - (out.size() - before)));
      if (some.empty()) break;
      out += some;
    }
    return out.size() - before;
  }
  while (out.size() - before < most) {
    size_t have = out.size();
    size_t piece = std::min(kPiece, most - (have - before));
    out.resize(have + piece);
    ssize_t count = ::pread(fd_.get(), out.data() + have, piece, static_cast<off_t>(offset + have - before));
    int error = errno;
    out.resize(have + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && error == EINTR) continue;
    if (count < 0) return base::Failure(base::Error::from_errno(error, "read the journal", path_));
    if (count == 0) break;
  }
  return out.size() - before;
}

}  // namespace hv::audit
