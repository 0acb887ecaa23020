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
#include "audit/segment_bytes.h"
#include "audit/segment_packer.h"
#include "audit/segment_walk.h"
#include "base/format.h"

namespace hv::audit {

namespace {

base::Failure cannot_erase(int error, const std::string& path) {
  return base::Failure(base::Error::from_errno(error, "delete a payload", path));
}

base::Failure is_damaged(std::string_view doing, const std::string& path) {
  return base::Failure(
      base::conflict(base::format("{} {}: it is damaged", doing, path)).with_hint("run 'hydravisor audit verify'"));
}

base::Result<SegmentPacker> packer_for(SegmentBytes& source) {
  std::string header;
  (void)HV_TRY(source.read(0, kSegmentHeaderSize, header));
  return SegmentPacker::begin(header);
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

// Whether the payload of this record is among those of the range, or of the sandbox in it, that may go.
bool is_erasable(const WalkedRecord& record, const Range& range, const std::string& sandbox) {
  if (record.index < range.first || record.index > range.last) return false;
  base::Result<Envelope> envelope = decode_envelope(record.frame.envelope);
  // One of a later version may be the ledger's own as well; of what cannot be read at all nobody knows whose it is.
  if (!envelope) return sandbox.empty() && !read_later_envelope(record.frame.envelope).has_value();
  return Ledger::can_forget(*envelope, sandbox);
}

}  // namespace

base::Status Ledger::erase_in_segment(const SegmentFile& file, const Range& range, const std::string& sandbox) {
  base::Fd fd = HV_TRY(base::open_file(file.path, O_RDWR));
  // The marks are on the disk first, so that a crash or a power cut in between leaves payloads that are deleted but not
  // yet erased, never ones that look damaged.
  for (bool erasing : {false, true}) {
    SegmentBytes source = HV_TRY(SegmentBytes::open(options_.directory, file.first_index));
    (void)HV_TRY(walk_segment(source, file.first_index, [&](const WalkedRecord& record) -> base::Status {
      if (!is_erasable(record, range, sandbox)) return {};
      if (!erasing)
        return write_all(*options_.files, fd, file.path, std::string_view(&kPayloadDeleted, 1),
                         record.offset + kStateOffset);
      return write_all(*options_.files, fd, file.path, std::string(kSaltSize + record.frame.payload.size(), '\0'),
                       record.offset + kFrameHeaderSize + record.frame.envelope.size());
    }));
    if (options_.files->sync(fd.get()) != 0) return cannot_erase(errno, file.path);
  }
  return {};
}

// Another archive takes the place of this one, whose bytes are then overwritten where they lie.
base::Status Ledger::erase_in_archive(const SegmentFile& file, const Range& range, const std::string& sandbox) {
  SegmentBytes source = HV_TRY(SegmentBytes::open(options_.directory, file.first_index));
  // To unpack it is cheap beside packing it anew.
  bool changes = false;
  WalkEnd end = HV_TRY(walk_segment(source, file.first_index, [&](const WalkedRecord& record) -> base::Status {
    changes = changes || is_erasable(record, range, sandbox);
    return {};
  }));
  if (end.fault != FrameFault::none) return is_damaged("delete a payload", file.path);
  if (!changes) return {};
  SegmentPacker packer = HV_TRY(packer_for(source));
  (void)HV_TRY(walk_segment(source, file.first_index, [&](const WalkedRecord& record) -> base::Status {
    if (!is_erasable(record, range, sandbox)) return packer.add(record.bytes);
    std::string bytes(record.bytes);
    bytes[kStateOffset] = kPayloadDeleted;
    size_t size = kSaltSize + record.frame.payload.size();
    bytes.replace(kFrameHeaderSize + record.frame.envelope.size(), size, size, '\0');
    return packer.add(bytes);
  }));
  std::string packed = HV_TRY(packer.finish());
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
    SegmentBytes source = HV_TRY(SegmentBytes::open(options_.directory, file.first_index));
    uint64_t before = HV_TRY(source.size());
    SegmentPacker packer = HV_TRY(packer_for(source));
    WalkEnd end = HV_TRY(
        walk_segment(source, file.first_index, [&](const WalkedRecord& record) { return packer.add(record.bytes); }));
    if (end.fault != FrameFault::none || end.index != segments[i + 1].first_index) return is_damaged("pack", file.path);
    std::string packed = HV_TRY(packer.finish());
    std::string directory = options_.directory + "/journal/";
    HV_TRY_CONTEXT(options_.files->replace(directory + archive_name(file.first_index), packed, true),
                   "pack a segment of the journal");
    // From here on the archive is the segment; until here the file was, whatever happened.
    if (::unlink(file.path.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "pack a segment of the journal", file.path));
    return std::optional(Packed{file.first_index, before, packed.size()});
  }
  return std::optional<Packed>();
}

}  // namespace hv::audit
