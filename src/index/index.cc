#include "index/index.h"

#include <algorithm>
#include <charconv>
#include <deque>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "index/terms.h"

namespace hv::index {

namespace {

// Entries in one transaction: more cost memory, fewer cost time.
constexpr uint64_t kBatch = 4096;
// What one transaction costs is the same for one entry and for thousands; a search reads what is not indexed yet.
constexpr std::chrono::milliseconds kStep{500};
constexpr std::chrono::seconds kRetry{30};

std::string deletions_path(const std::string& directory) {
  return directory + "/deleted";
}

// A line for each range: its first and last entry, and whose payloads they were where not all are meant.
audit::Deletions read_deletions(const std::string& directory) {
  audit::Deletions deletions;
  base::Result<std::string> text = base::read_file(deletions_path(directory));
  if (!text) return deletions;
  for (const std::string& line : base::split(*text, '\n')) {
    audit::Range range;
    const char* all = line.data() + line.size();
    auto [middle, first] = std::from_chars(line.data(), all, range.first);
    if (first != std::errc{} || middle == all) continue;
    auto [end, last] = std::from_chars(middle + 1, all, range.last);
    if (last == std::errc{} && range.first <= range.last)
      (void)deletions.add(range, end == all ? std::string() : std::string(end + 1, all));
  }
  return deletions;
}

uint64_t end_of(const std::vector<audit::SegmentFile>& segments, size_t place) {
  return place + 1 < segments.size() ? segments[place + 1].first_index : UINT64_MAX;
}

}  // namespace

Index::Index(Options options) : options_(std::move(options)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Index::~Index() {
  {
    std::lock_guard lock(mutex_);
    thread_.request_stop();
  }
  wake_.notify_all();
  pause_.notify_all();
}

void Index::wake() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(woken_, true)) return;
  }
  wake_.notify_all();
}

void Index::wait_for(uint64_t count) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  pause_.notify_all();
  moved_.wait(lock, [&] { return standing_.indexed >= count || !standing_.failure.empty(); });
  --waiting_;
}

Index::Standing Index::standing() {
  std::lock_guard lock(mutex_);
  return standing_;
}

std::string Index::path_of(uint64_t segment) const {
  return base::format("{}/{:020}.index", options_.directory, segment);
}

void Index::run(const std::stop_token& stop) {
  // Everything else goes first, disk included: nobody waits for an index.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
  deleted_ = read_deletions(options_.directory);
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      woken_ = false;
    }
    base::Status status = follow(stop);
    std::unique_lock lock(mutex_);
    standing_.failure = status ? std::string() : status.error().text();
    moved_.notify_all();
    auto wanted = [&] { return woken_ || stop.stop_requested(); };
    if (status) {
      wake_.wait(lock, wanted);
      // A busy ledger is followed in steps, not entry by entry.
      if (!stop.stop_requested()) pause_.wait_for(lock, kStep, [&] { return waiting_ > 0 || stop.stop_requested(); });
    } else {
      // A full disk or the like: the journal goes on, and searches read it.
      pause_.wait_for(lock, kRetry, [&] { return stop.stop_requested(); });
    }
  }
  writer_.reset();
}

// From where the index stands up to what is durable.
base::Status Index::follow(const std::stop_token& stop) {
  HV_TRY(base::make_directories(options_.directory));
  std::vector<audit::SegmentFile> segments = HV_TRY(audit::list_segments(options_.ledger));
  uint64_t durable = options_.durable();
  std::set<uint64_t> damaged;
  {
    std::lock_guard lock(mutex_);
    first_ = segments.empty() ? 0 : segments.front().first_index;
    damaged = std::exchange(damaged_, {});
  }
  for (uint64_t segment : damaged) drop(segment);
  drop_pruned();
  for (size_t i = 0; i < segments.size() && !stop.stop_requested(); ++i) {
    uint64_t segment = segments[i].first_index;
    uint64_t end = std::min(end_of(segments, i), durable);
    bool complete = i + 1 < segments.size() && durable >= end_of(segments, i);
    {
      std::lock_guard lock(mutex_);
      auto known = shards_.find(segment);
      if (known != shards_.end() && (known->second.sealed || (!complete && known->second.end >= end))) continue;
    }
    if (segment >= end && !complete) continue;
    if (complete && !writer_ && is_sealed(path_of(segment))) {
      base::Result<ShardReader> reader = ShardReader::open(path_of(segment), false);
      base::Result<audit::Place> next = reader ? reader->next() : base::Failure(reader.error());
      if (next && next->segment == segment && next->index == end) {
        std::lock_guard lock(mutex_);
        shards_[segment] = {true, end};
        moved();
        continue;
      }
    }
    if (!writer_ || writing_ != segment) {
      writer_.reset();
      bool there = base::path_exists(path_of(segment));
      writer_ = HV_TRY(ShardWriter::open(path_of(segment), options_.ledger, segment));
      writing_ = segment;
      std::lock_guard lock(mutex_);
      if (there && writer_->next().index == segment && end > segment) ++standing_.made_again;
      shards_[segment].end = writer_->next().index;
      moved();
    }
    audit::JournalStream stream(options_.ledger, writer_->next());
    uint64_t added = 0;
    base::Status status;
    while (status && !stop.stop_requested() && stream.place().index < end) {
      auto entry = stream.next();
      if (!entry) status = base::Failure(entry.error());
      if (!entry || !*entry) break;
      note_deletion(**entry);
      status =
          writer_->add(**entry, stream.last(), !deleted_.covers((*entry)->envelope.index, (*entry)->envelope.sandbox));
      if (!status || (++added % kBatch != 0 && stream.place().index < end)) continue;
      status = writer_->commit(stream.place());
      std::lock_guard lock(mutex_);
      shards_[segment].end = stream.place().index;
      moved();
    }
    if (status) status = writer_->commit(stream.place());
    if (!status) {
      // Whatever is wrong with the file, the next one is made from nothing.
      drop(segment);
      return status;
    }
    if (complete && writer_->next().index == end) HV_TRY(finish(segment, end));
  }
  return {};
}

base::Status Index::finish(uint64_t segment, uint64_t next_segment) {
  HV_TRY(writer_->merge());
  std::lock_guard searching(searching_);
  open_.close(segment);
  ShardWriter writer = *std::move(writer_);
  writer_.reset();
  HV_TRY(ShardWriter::seal(std::move(writer)));
  std::lock_guard lock(mutex_);
  shards_[segment] = {true, next_segment};
  moved();
  return {};
}

// The words of a payload go when it does. The event that announces it is durable before anything is erased, so a shard
// made again after it leaves the payload out even where it still lies in the journal.
void Index::note_deletion(const audit::Entry& entry) {
  if (entry.envelope.kind != "ledger.payload_deleted") return;
  base::Result<core::Event> event = audit::to_event(entry);
  if (!event) return;
  std::optional<audit::Range> named = audit::Deletions::range_of(event->payload);
  if (!named || !deleted_.add(event->payload)) return;
  audit::Range range = *named;
  std::string text;
  deleted_.for_each([&](const std::string& sandbox, const audit::Range& known) {
    text += base::format("{} {}{}{}\n", known.first, known.last, sandbox.empty() ? "" : " ", sandbox);
  });
  (void)base::replace_file(deletions_path(options_.directory), text);
  std::vector<uint64_t> concerned;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [segment, known] : shards_)
      if (segment <= range.last && known.end > range.first) concerned.push_back(segment);
  }
  for (uint64_t segment : concerned) drop(segment);
  wake();
}

void Index::drop(uint64_t segment) {
  std::lock_guard searching(searching_);
  open_.close(segment);
  if (writer_ && writing_ == segment) writer_.reset();
  remove_shard(path_of(segment));
  std::lock_guard lock(mutex_);
  shards_.erase(segment);
  ++standing_.made_again;
  moved();
}

// Segments of the journal's beginning that are gone take their shards along.
void Index::drop_pruned() {
  std::vector<uint64_t> gone;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [segment, known] : shards_)
      if (segment < first_) gone.push_back(segment);
  }
  DIR* directory = ::opendir(options_.directory.c_str());
  while (dirent* entry = directory != nullptr ? ::readdir(directory) : nullptr) {
    std::string_view name = entry->d_name;
    uint64_t segment = 0;
    if (name.size() != 26 || !name.ends_with(".index")) continue;
    auto [end, error] = std::from_chars(name.data(), name.data() + 20, segment);
    if (error == std::errc{} && end == name.data() + 20 && segment < first_) gone.push_back(segment);
  }
  if (directory != nullptr) ::closedir(directory);
  for (uint64_t segment : gone) drop(segment);
}

void Index::moved() {
  uint64_t end = first_;
  for (const auto& [segment, known] : shards_) {
    if (segment > end) break;
    end = std::max(end, known.end);
  }
  standing_.indexed = end;
  moved_.notify_all();
}

void Index::mark_damaged(uint64_t segment) {
  open_.close(segment);
  {
    std::lock_guard lock(mutex_);
    shards_.erase(segment);
    damaged_.insert(segment);
    woken_ = true;
    moved();
  }
  wake_.notify_all();
}

base::Status Index::search(const core::AuditQuery& query, uint64_t size, const Visit& visit) {
  std::string expression = expression_of(query);
  Span span{0, size, query.since, query.until};
  if (query.after) span.from = *query.after == UINT64_MAX ? UINT64_MAX : *query.after + 1;
  if (query.before) span.before = std::min(span.before, *query.before);
  std::vector<audit::SegmentFile> segments = HV_TRY(audit::list_segments(options_.ledger));
  std::lock_guard searching(searching_);
  bool more = true;
  for (size_t step = 0; step < segments.size() && more; ++step) {
    size_t i = query.newest_first ? segments.size() - 1 - step : step;
    Span part = span;
    part.from = std::max(part.from, segments[i].first_index);
    part.before = std::min(part.before, end_of(segments, i));
    if (part.from >= part.before) continue;
    HV_TRY(search_segment(query, expression, part, segments[i].first_index, visit, more));
  }
  return {};
}

base::Status Index::search_segment(const core::AuditQuery& query, const std::string& expression, const Span& span,
                                   uint64_t segment, const Visit& visit, bool& more) {
  Known known;
  {
    std::lock_guard lock(mutex_);
    if (auto found = shards_.find(segment); found != shards_.end()) known = found->second;
  }
  audit::Place unindexed{segment, segment, audit::kSegmentHeaderSize};
  ShardReader* reader = nullptr;
  if (known.end > segment) {
    base::Result<ShardReader*> opened = open_.open(segment, path_of(segment), known.sealed);
    base::Result<audit::Place> next =
        opened ? (*opened)->next() : base::Result<audit::Place>(base::Failure(std::move(opened).error()));
    // What was committed once is there, unless the file lost it.
    if (next && next->segment == segment && next->index >= known.end && next->offset >= audit::kSegmentHeaderSize) {
      unindexed = *next;
      reader = *opened;
    } else {
      mark_damaged(segment);
    }
  }
  if (reader == nullptr || unindexed.index == segment) return scan(query, unindexed, span.before, visit, more);

  Span indexed = span;
  indexed.before = std::min(indexed.before, unindexed.index);
  auto rest = [&]() -> base::Status {
    if (span.before <= unindexed.index) return {};
    uint64_t reached = unindexed.index;
    auto note = [&](const audit::Entry& entry) {
      reached = entry.envelope.index + 1;
      return visit(entry);
    };
    if (scan(query, unindexed, span.before, note, more)) return {};
    // Either the journal is damaged or the index is wrong about its place: from the segment's start it shows. The
    // newest come all together or not at all.
    mark_damaged(segment);
    core::AuditQuery again = query;
    uint64_t from = query.newest_first ? unindexed.index : reached;
    if (!again.after || *again.after + 1 < from) again.after = from - 1;
    return scan(again, {segment, segment, audit::kSegmentHeaderSize}, span.before, visit, more);
  };
  if (query.newest_first) HV_TRY(rest());
  if (!more) return {};
  if (indexed.from < indexed.before) {
    audit::Query envelope = envelope_query(query);
    uint64_t reached = query.newest_first ? indexed.before : indexed.from;
    audit::PlaceReader records(options_.ledger);
    auto look = [&](const audit::Place& place) -> base::Result<bool> {
      audit::Entry entry = HV_TRY(records.read(place));
      if (matches(query, envelope, entry)) more = visit(entry);
      reached = query.newest_first ? place.index : place.index + 1;
      return more;
    };
    base::Status found = reader->find(expression, indexed, query.newest_first, look);
    if (!found) {
      // The thread makes it again; what it did not find is looked for where it lies.
      mark_damaged(segment);
      core::AuditQuery again = query;
      uint64_t end = query.newest_first ? reached : indexed.before;
      if (!query.newest_first && reached > 0) again.after = reached - 1;
      HV_TRY(scan(again, {segment, segment, audit::kSegmentHeaderSize}, end, visit, more));
    }
  }
  return more && !query.newest_first ? rest() : base::Status();
}

base::Status Index::scan(const core::AuditQuery& query, audit::Place from, uint64_t before, const Visit& visit,
                         bool& more) {
  audit::Query envelope = envelope_query(query);
  audit::JournalStream stream(options_.ledger, from);
  std::deque<audit::Entry> newest;
  while (more && stream.place().index < before) {
    std::optional<audit::Entry> entry = HV_TRY(stream.next());
    if (!entry || stream.last().segment != from.segment) break;
    if (!matches(query, envelope, *entry)) continue;
    if (!query.newest_first) {
      more = visit(*entry);
      continue;
    }
    newest.push_back(*std::move(entry));
    if (newest.size() > query.limit) newest.pop_front();
  }
  for (auto entry = newest.rbegin(); more && entry != newest.rend(); ++entry) more = visit(*entry);
  return {};
}

}  // namespace hv::index
