#include "audit/segment.h"

#include <algorithm>
#include <cerrno>

#include <utility>

#include <dirent.h>
#include <unistd.h>

#include "audit/segment_bytes.h"
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
  while (dirent* entry = ::readdir(stream)) {
    std::string path = directory + "/" + entry->d_name;
    if (std::optional<uint64_t> first = parse_segment_name(entry->d_name)) segments.push_back({*first, path, false});
    if (std::optional<uint64_t> first = parse_archive_name(entry->d_name)) segments.push_back({*first, path, true});
  }
  ::closedir(stream);
  std::ranges::sort(segments, [](const SegmentFile& a, const SegmentFile& b) {
    return std::pair(a.first_index, a.archived) < std::pair(b.first_index, b.archived);
  });
  // As long as the segment's own file is there, its archive is not finished.
  auto doubles = std::ranges::unique(segments, {}, &SegmentFile::first_index);
  segments.erase(doubles.begin(), doubles.end());
  return segments;
}

base::Status remove_unfinished_archives(const std::string& ledger_directory) {
  for (const SegmentFile& file : HV_TRY(list_segments(ledger_directory))) {
    if (file.archived) continue;
    std::string archive = ledger_directory + "/journal/" + archive_name(file.first_index);
    if (::unlink(archive.c_str()) != 0 && errno != ENOENT)
      return base::Failure(base::Error::from_errno(errno, "remove an unfinished archive", archive));
  }
  return {};
}

base::Result<SegmentHeader> read_segment_header(const std::string& ledger_directory, uint64_t first_index) {
  SegmentBytes source = HV_TRY(SegmentBytes::open(ledger_directory, first_index));
  std::string bytes;
  (void)HV_TRY(source.read(0, kSegmentHeaderSize, bytes));
  std::optional<SegmentHeader> header = decode_segment_header(bytes);
  if (!header || header->first_index != first_index)
    return base::Failure(
        base::io_error("read the journal: the header of " + segment_name(first_index) + " is damaged"));
  return *header;
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
  size_t slash = file_.path.rfind("/journal/");
  SegmentBytes source = HV_TRY(SegmentBytes::open(file_.path.substr(0, slash), file_.first_index));
  auto size = static_cast<size_t>(HV_TRY(source.size()));
  // Sound records never change but for a deleted payload, so only what follows them is read again.
  size_t have = std::min(end_, size);
  bytes_.resize(have);
  bytes_.reserve(size);
  (void)HV_TRY(source.read(have, size - have, bytes_));
  walk();
  return {};
}

void Segment::forget_from(uint64_t index) {
  if (index >= end_index()) return;
  size_t keep = index > file_.first_index ? index - file_.first_index : 0;
  if (keep < offsets_.size()) end_ = offsets_[keep];
  offsets_.resize(keep);
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
    FrameResult result = decode_envelope_frame(all.substr(end_));
    fault_ = result.fault;
    if (fault_ != FrameFault::none) return;
    offsets_.push_back(static_cast<uint32_t>(end_));
    end_ += result.frame.size();
  }
}

Frame Segment::frame(uint64_t index) const {
  return decode_frame(std::string_view(bytes_).substr(offset(index))).frame;
}

Frame Segment::frame_unchecked(uint64_t index) const {
  return split_frame(std::string_view(bytes_).substr(offset(index)));
}

}  // namespace hv::audit
