#include "audit/segment.h"

#include <algorithm>
#include <cerrno>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"

namespace hv::audit {

base::Result<std::vector<SegmentFile>> list_segments(const std::string& ledger_directory) {
  std::string directory = ledger_directory + "/journal";
  std::vector<SegmentFile> segments;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT) return segments;
    return base::Failure(base::Error::from_errno(errno, "list the journal", directory));
  }
  while (dirent* entry = ::readdir(stream))
    if (std::optional<uint64_t> first = parse_segment_name(entry->d_name))
      segments.push_back({*first, directory + "/" + entry->d_name});
  ::closedir(stream);
  std::ranges::sort(segments, {}, &SegmentFile::first_index);
  return segments;
}

uint64_t first_entry(const std::vector<SegmentFile>& segments) {
  return segments.empty() ? 0 : segments.front().first_index;
}

base::Result<Segment> Segment::load(const SegmentFile& file) {
  Segment segment(file);
  HV_TRY(segment.refresh());
  return segment;
}

base::Status Segment::refresh() {
  base::Fd fd = HV_TRY_CONTEXT(base::open_file(file_.path, O_RDONLY), "read the journal");
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0)
    return base::Failure(base::Error::from_errno(errno, "read the journal", file_.path));
  auto size = static_cast<size_t>(about.st_size);
  // Sound records never change but for a deleted payload, so only what follows them is read again.
  size_t have = std::min(end_, size);
  bytes_.resize(size);
  while (have < size) {
    ssize_t count = ::pread(fd.get(), bytes_.data() + have, size - have, static_cast<off_t>(have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::Failure(base::Error::from_errno(errno, "read the journal", file_.path));
    if (count == 0) break;
    have += static_cast<size_t>(count);
  }
  bytes_.resize(have);
  walk();
  return {};
}

void Segment::walk() {
  fault_ = FrameFault::none;
  if (end_ == 0) {
    std::optional<SegmentHeader> header = decode_segment_header(bytes_);
    if (!header || header->first_index != file_.first_index) {
      fault_ = bytes_.size() < kSegmentHeaderSize ? FrameFault::incomplete : FrameFault::bad_header;
      return;
    }
    end_ = kSegmentHeaderSize;
  }
  std::string_view all = bytes_;
  while (end_ < all.size()) {
    FrameResult result = decode_frame(all.substr(end_));
    fault_ = result.fault;
    if (fault_ != FrameFault::none) return;
    offsets_.push_back(static_cast<uint32_t>(end_));
    end_ += result.frame.size();
  }
}

Frame Segment::frame(uint64_t index) const {
  return decode_frame(std::string_view(bytes_).substr(offset(index))).frame;
}

}  // namespace hv::audit
