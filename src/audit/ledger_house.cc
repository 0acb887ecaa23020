// What the ledger does with finished segments: packs them, and erases payloads in them.
#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/archive.h"
#include "audit/frame.h"
#include "audit/later_envelope.h"
#include "audit/ledger.h"
#include "audit/segment.h"
#include "base/format.h"

namespace hv::audit {

namespace {

base::Failure cannot_erase(int error, const std::string& path) {
  return base::Failure(base::Error::from_errno(error, "delete a payload", path));
}

base::Status write_all(FileLayer& files, const base::Fd& fd, const std::string& path, std::string_view data,
                       size_t offset) {
  while (!data.empty()) {
    ssize_t count = files.pwrite(fd.get(), data, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return cannot_erase(count < 0 ? errno : EIO, path);
    data.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<size_t>(count);
  }
  return {};
}

// Calls `visit` with each record of the range, or of the sandbox in it, whose payload may go.
base::Status for_each_erasable(const Segment& segment, const Range& range, const std::string& sandbox,
                               const std::function<base::Status(size_t offset, const Frame&)>& visit) {
  uint64_t begin = std::max(range.first, segment.file().first_index);
  uint64_t end = std::min(range.last + 1, segment.end_index());
  for (uint64_t index = begin; index < end; ++index) {
    Frame frame = segment.frame_unchecked(index);
    base::Result<Envelope> envelope = decode_envelope(frame.envelope);
    // One of a later version may be the ledger's own as well; of what cannot be read at all nobody knows whose it is.
    if (envelope ? !Ledger::can_forget(*envelope, sandbox)
                 : !sandbox.empty() || read_later_envelope(frame.envelope).has_value())
      continue;
    HV_TRY(visit(segment.offset(index), frame));
  }
  return {};
}

}  // namespace

// The marks first, so that a crash in between leaves payloads that are deleted but not yet erased, never ones that look
// damaged.
base::Status Ledger::erase_in_segment(const SegmentFile& file, const Range& range, const std::string& sandbox) {
  Segment segment = HV_TRY(Segment::load(file));
  base::Fd fd = HV_TRY(base::open_file(file.path, O_RDWR));
  // The marks are on the disk first, so that a crash or a power cut in between leaves payloads that are deleted but not
  // yet erased, never ones that look damaged.
  for (bool erasing : {false, true}) {
    HV_TRY(for_each_erasable(segment, range, sandbox, [&](size_t offset, const Frame& frame) -> base::Status {
      if (!erasing)
        return write_all(*options_.files, fd, file.path, std::string_view(&kPayloadDeleted, 1), offset + kStateOffset);
      return write_all(*options_.files, fd, file.path, std::string(kSaltSize + frame.payload.size(), '\0'),
                       offset + kFrameHeaderSize + frame.envelope.size());
    }));
    if (options_.files->sync(fd.get()) != 0) return cannot_erase(errno, file.path);
  }
  return {};
}

// Another archive takes the place of this one, whose bytes are then overwritten where they lie.
base::Status Ledger::erase_in_archive(const SegmentFile& file, const Range& range, const std::string& sandbox) {
  Segment segment = HV_TRY(Segment::load(file));
  std::string bytes = segment.bytes();
  bool changed = false;
  HV_TRY(for_each_erasable(segment, range, sandbox, [&](size_t offset, const Frame& frame) -> base::Status {
    bytes[offset + kStateOffset] = kPayloadDeleted;
    size_t size = kSaltSize + frame.payload.size();
    bytes.replace(offset + kFrameHeaderSize + frame.envelope.size(), size, size, '\0');
    changed = true;
    return {};
  }));
  if (!changed) return {};
  std::string packed = HV_TRY(pack_segment(bytes));
  base::Fd old = HV_TRY(base::open_file(file.path, O_RDWR));
  HV_TRY_CONTEXT(options_.files->replace(file.path, packed, true), "delete a payload");
  struct stat about{};
  if (::fstat(old.get(), &about) != 0) return cannot_erase(errno, file.path);
  HV_TRY(write_all(*options_.files, old, file.path, std::string(static_cast<size_t>(about.st_size), '\0'), 0));
  if (options_.files->sync(old.get()) != 0) return cannot_erase(errno, file.path);
  return {};
}

base::Result<std::optional<Ledger::Packed>> Ledger::pack_next() {
  std::lock_guard house(keeping_house_);
  std::vector<SegmentFile> segments = HV_TRY(list_segments(options_.directory));
  uint64_t sealed = standing().sealed;
  for (size_t i = 0; i + 1 < segments.size() && segments[i + 1].first_index <= sealed; ++i) {
    const SegmentFile& file = segments[i];
    if (file.archived) continue;
    Segment segment = HV_TRY(Segment::load(file));
    if (segment.fault() != FrameFault::none || segment.end_index() != segments[i + 1].first_index)
      return base::Failure(
          base::conflict("pack " + file.path + ": it is damaged").with_hint("run 'hydravisor audit verify'"));
    std::string packed = HV_TRY(pack_segment(segment.bytes()));
    std::string directory = options_.directory + "/journal/";
    HV_TRY_CONTEXT(options_.files->replace(directory + archive_name(file.first_index), packed, true),
                   "pack a segment of the journal");
    // From here on the archive is the segment; until here the file was, whatever happened.
    if (::unlink(file.path.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "pack a segment of the journal", file.path));
    return std::optional(Packed{file.first_index, segment.bytes().size(), packed.size()});
  }
  return std::optional<Packed>();
}

}  // namespace hv::audit
