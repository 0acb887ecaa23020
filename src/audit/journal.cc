#include "audit/journal.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "audit/frame.h"
#include "audit/later_envelope.h"
#include "audit/segment.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr std::string_view kVerifyHint =
    "run 'hydravisor audit verify'; to begin a new ledger, move this directory elsewhere and keep it";

base::Failure damaged(std::string_view path, uint64_t index, std::string_view why) {
  return base::Failure(base::conflict(base::format("open the ledger: {}: entry {}: {}", path, index, why))
                           .with_hint(std::string(kVerifyHint)));
}

base::Status write_at(FileLayer& files, int fd, std::string_view data, uint64_t offset) {
  while (!data.empty()) {
    ssize_t count = files.pwrite(fd, data, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return base::Failure(base::Error::from_errno(count < 0 ? errno : EIO, "write the journal")
                               .with_hint("events are refused until the ledger can be written again: free disk space"));
    data.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

uint64_t count_whole_records(std::string_view bytes) {
  uint64_t count = 0;
  for (std::optional<size_t> at = find_frame(bytes, 0); at; ++count)
    at = find_frame(bytes, *at + decode_frame(bytes.substr(*at)).frame.size());
  return count;
}

base::Status sync_directory(const std::string& path) {
  base::Fd directory = HV_TRY(base::open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return base::Failure(base::Error::from_errno(errno, "fsync", path));
  return {};
}

}  // namespace

base::Result<Journal> Journal::open(Options options, uint64_t scan_from, const OnRecord& on_record) {
  Journal journal(std::move(options));
  HV_TRY_CONTEXT(base::make_directories(journal.options_.directory + "/journal"), "open the ledger");
  HV_TRY(journal.recover(on_record, scan_from));
  return journal;
}

base::Status Journal::recover(const OnRecord& on_record, uint64_t scan_from) {
  std::vector<SegmentFile> files = HV_TRY(list_segments(options_.directory));
  auto start = std::ranges::upper_bound(files, scan_from, {}, &SegmentFile::first_index);
  if (start != files.begin()) --start;
  if (!files.empty()) next_index_ = start->first_index;
  for (auto file = start; file != files.end(); ++file) {
    bool last = std::next(file) == files.end();
    if (file->first_index != next_index_)
      return damaged(file->path, next_index_, "the entries before this segment are missing");
    Segment segment = HV_TRY(Segment::load(*file));
    for (; next_index_ < segment.end_index(); ++next_index_) {
      std::string_view text = segment.frame_unchecked(next_index_).envelope;
      base::Result<Envelope> envelope = decode_envelope(text);
      std::optional<LaterEnvelope> later = envelope ? std::nullopt : read_later_envelope(text);
      if (!(envelope && envelope->index == next_index_) && !(later && later->index == next_index_))
        return damaged(file->path, next_index_, "it is not that entry");
      // Where one of a later version came from is not known, so that an event may be recorded twice, and none is lost.
      if (envelope) on_record(*envelope);
    }
    if (segment.fault() != FrameFault::none) {
      if (!last) return damaged(file->path, next_index_, "its bytes are damaged");
      // Only what no checkpoint covers can be the trace of a crash.
      if (next_index_ < options_.sealed)
        return damaged(file->path, next_index_, "it is sealed, but its bytes are damaged");
      HV_TRY(set_aside(file->path, segment.bytes(), segment.end_offset(), next_index_));
    }
    // A segment whose header was torn holds nothing; the next one takes its name.
    if (segment.end_offset() < kSegmentHeaderSize) continue;
    segment_first_ = file->first_index;
    path_ = file->path;
    offset_ = segment.end_offset();
  }
  if (next_index_ < options_.sealed)
    return damaged(options_.directory, next_index_,
                   base::format("it is missing, though a checkpoint covers {} entries", options_.sealed));
  // The last segment is continued unless it is the empty-handed one whose header was torn.
  if (!path_.empty() && (files.empty() || path_ == files.back().path))
    fd_ = std::make_shared<const base::Fd>(HV_TRY_CONTEXT(base::open_file(path_, O_RDWR), "open the ledger"));
  return {};
}

base::Status Journal::set_aside(const std::string& path, std::string_view bytes, uint64_t from, uint64_t index) {
  std::string_view tail = bytes.substr(from);
  if (tail.empty()) {
    // Made, but killed before its header was written.
    if (::unlink(path.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "remove an empty segment", path));
    return {};
  }
  TornTail torn;
  torn.index = index;
  torn.bytes = tail.size();
  torn.hash = base::sha256(tail);
  torn.whole_records = count_whole_records(tail);
  torn.kept_as = base::format("journal/{:020}.torn-{}", index, options_.clock->wall().time_since_epoch().count());
  HV_TRY_CONTEXT(options_.files->replace(options_.directory + "/" + torn.kept_as, tail, true),
                 "keep the journal's torn tail");
  base::Fd fd = HV_TRY(base::open_file(path, O_RDWR));
  if (from == 0 ? ::unlink(path.c_str()) != 0 : options_.files->truncate(fd.get(), static_cast<off_t>(from)) != 0)
    return base::Failure(base::Error::from_errno(errno, "cut the journal's torn tail", path));
  torn_ = std::move(torn);
  return {};
}

base::Status Journal::start_segment() {
  HV_TRY(cut_partial());
  if (fd_ && options_.files->sync(fd_->get()) != 0)
    return base::Failure(base::Error::from_errno(errno, "make the journal durable", path_));
  std::string directory = options_.directory + "/journal";
  std::string path = directory + "/" + segment_name(next_index_);
  base::Fd fd =
      HV_TRY_CONTEXT(base::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600), "start a journal segment");
  std::string header = encode_segment_header({next_index_, options_.clock->wall()});
  base::Status written = write_at(*options_.files, fd.get(), header, 0);
  if (written) written = sync_directory(directory);
  if (!written) {
    ::unlink(path.c_str());
    return written;
  }
  fd_ = std::make_shared<const base::Fd>(std::move(fd));
  path_ = std::move(path);
  segment_first_ = next_index_;
  offset_ = header.size();
  return {};
}

base::Status Journal::cut_partial() {
  if (!partial_) return {};
  if (options_.files->truncate(fd_->get(), static_cast<off_t>(offset_)) != 0)
    return base::Failure(base::Error::from_errno(errno, "cut an unfinished record off the journal", path_));
  partial_ = false;
  return {};
}

base::Status Journal::append(std::string_view frames, uint64_t count) {
  HV_TRY(cut_partial());
  if (base::Status written = write_at(*options_.files, fd_->get(), frames, offset_); !written) {
    partial_ = true;
    // Best effort now; the next append insists.
    (void)cut_partial();
    return base::Failure(std::move(written).error().with_context(path_));
  }
  offset_ += frames.size();
  next_index_ += count;
  return {};
}

base::Status Journal::rewrite_from(uint64_t offset) {
  std::string bytes(offset_ - offset, '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    ssize_t count = ::pread(fd_->get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return base::Failure(base::Error::from_errno(count < 0 ? errno : EIO, "read the journal back", path_));
    have += static_cast<size_t>(count);
  }
  // What the page cache still holds may not be what was written: each record must still be whole.
  for (std::string_view rest = bytes; !rest.empty();) {
    FrameResult result = decode_frame(rest);
    if (result.fault != FrameFault::none || !(result.frame.payload_intact || result.frame.payload_deleted))
      return base::Failure(
          base::io_error("make the journal durable: " + path_ + ": the kernel lost records it had accepted")
              .with_hint(std::string(kVerifyHint)));
    rest.remove_prefix(result.frame.size());
  }
  HV_TRY(write_at(*options_.files, fd_->get(), bytes, offset));
  if (options_.files->sync(fd_->get()) != 0)
    return base::Failure(base::Error::from_errno(errno, "make the journal durable", path_));
  return {};
}

}  // namespace hv::audit
