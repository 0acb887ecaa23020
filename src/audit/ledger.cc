#include "audit/ledger.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "audit/frame.h"
#include "audit/payload.h"
#include "audit/reader.h"
#include "audit/resumption.h"
#include "audit/segment.h"
#include "audit/segment_bytes.h"
#include "audit/tile_tree.h"
#include "base/check.h"
#include "base/format.h"
#include "base/random.h"
#include "base/text.h"

namespace hv::audit {

namespace {

// After it a sandbox has no spool any more.
constexpr std::string_view kSandboxGone = "sandbox.removed";
// Behind a large event its memory is given back.
constexpr size_t kKeptMemory = size_t{1} << 20;

base::Result<base::Fd> lock_directory(const std::string& directory) {
  HV_TRY_CONTEXT(base::make_directories(directory), "open the ledger");
  base::Fd lock =
      HV_TRY_CONTEXT(base::open_file(directory + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600), "open the ledger");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return base::Failure(base::conflict("open the ledger: another process writes " + directory)
                               .with_hint("only one daemon can use a state directory"));
    return base::Failure(base::Error::from_errno(errno, "lock the ledger", directory));
  }
  return lock;
}

// Salts are taken from a stock: a system call for each would cost more than the hashing.
base::Result<std::string> fresh_salt() {
  thread_local std::string stock;
  if (stock.size() < kSaltSize) stock = HV_TRY(base::random_bytes(256 * kSaltSize));
  std::string salt = stock.substr(stock.size() - kSaltSize);
  stock.resize(stock.size() - kSaltSize);
  return salt;
}

// Hashes, keys and verdicts, none of which an agent has written: they stay to the letter, since they are read again.
bool is_our_own(std::string_view kind) {
  return kind.starts_with("ledger.") || kind.starts_with("probe.");
}

core::Event own_event(std::string kind, base::json::Object payload, core::Risk risk = core::Risk::info) {
  core::Event event;
  event.kind = std::move(kind);
  event.principal = "system";
  event.risk = risk;
  event.payload = std::move(payload);
  return event;
}

// What an opening found that the last closing had not left: records cut short, and whole ones that no checkpoint
// covers. A crash leaves both, but so can whoever writes the files while no daemon runs; sealed they will look like all
// others, so that the range is said while it can still be told.
std::optional<core::Event> recovered(const std::optional<TornTail>& torn, uint64_t sealed, uint64_t found) {
  if (!torn && found == sealed) return std::nullopt;
  core::Event event = own_event("ledger.recovered", {}, core::Risk::low);
  if (found > sealed) {
    event.payload["first"] = sealed;
    event.payload["last"] = found - 1;
    event.payload["reason"] = "no checkpoint covered them when the ledger was opened";
  }
  if (torn) {
    if (torn->whole_records > 0) event.risk = core::Risk::medium;
    event.payload["index"] = torn->index;
    event.payload["bytes"] = torn->bytes;
    event.payload["whole_records"] = torn->whole_records;
    event.payload["kept_as"] = torn->kept_as;
    event.payload["sha256"] = base::to_hex(base::as_view(torn->hash));
  }
  return event;
}

}  // namespace

base::Result<std::unique_ptr<Ledger>> Ledger::open(Options options) {
  base::Fd lock_file = HV_TRY(lock_directory(options.directory));
  HV_TRY(remove_unfinished_archives(options.directory));
  std::vector<SegmentFile> segments = HV_TRY(list_segments(options.directory));
  bool fresh = segments.empty() && !base::path_exists(options.directory + "/checkpoint");
  KeyStore keys = HV_TRY(KeyStore::open(options.directory, options.origin, fresh, *options.files, *options.clock));
  Checkpoint sealed = HV_TRY(read_checkpoint(options.directory, keys));
  auto [spools, scan_from] = read_spool_marks(options.directory, segments);
  auto note_origin = [&marks = spools](const Envelope& envelope) {
    if (envelope.origin) marks.note(*envelope.origin, envelope.index);
    if (envelope.kind == kSandboxGone) marks.retire(envelope.sandbox);
  };
  Journal journal = HV_TRY(Journal::open(
      {options.directory, options.segment_bytes, sealed.size, options.files, options.clock}, scan_from, note_origin));
  TreeWriter tree = HV_TRY(rebuild_tree(options.directory, *options.files, sealed, journal.next_index()));

  std::unique_ptr<Ledger> ledger(new Ledger(std::move(options), std::move(lock_file), std::move(keys),
                                            std::move(journal), std::move(spools), std::move(tree)));
  // Nothing says whether what stands behind the checkpoint has reached the disk; the first sync settles it.
  ledger->durable_ = ledger->sealed_ = sealed.size;
  ledger->durable_offset_ = kSegmentHeaderSize;
  ledger->writer_ = std::jthread([raw = ledger.get()] { raw->run(); });
  if (std::optional<core::Event> found = recovered(ledger->torn_, sealed.size, ledger->size()))
    (void)HV_TRY(ledger->record(*found));
  return ledger;
}

Ledger::Ledger(Options options, base::Fd lock_file, KeyStore keys, Journal journal, SpoolIndex spools, TreeWriter tree)
    : options_(std::move(options)),
      lock_file_(std::move(lock_file)),
      torn_(journal.torn()),
      journal_(std::move(journal)),
      spools_(std::move(spools)),
      keys_(std::move(keys)),
      tree_(std::move(tree)) {}

Ledger::~Ledger() {
  {
    Lock lock(mutex_);
    stopping_ = true;
  }
  wake_writer_.notify_all();
}

base::Result<Ledger::Draft> Ledger::draft(const core::Event& event) const {
  HV_TRY(check_event_fields(event));
  Draft draft;
  Envelope& envelope = draft.envelope;
  envelope.time = event.wall == base::WallTime{} ? options_.clock->wall() : event.wall;
  envelope.monotonic = event.monotonic == base::MonotonicTime{} ? options_.clock->monotonic() : event.monotonic;
  envelope.kind = event.kind;
  envelope.sandbox = event.sandbox;
  envelope.principal = event.principal;
  envelope.trust = event.trust;
  envelope.risk = event.risk;
  envelope.origin = event.origin;
  std::shared_ptr<const core::Redaction> own;
  if (options_.redaction && !event.sandbox.empty()) own = options_.redaction(event.sandbox);
  draft.payload = is_our_own(event.kind) ? own_payload_text(event.payload)
                                         : payload_text(event.payload, kMaxPayloadSize, own.get());
  draft.salt = HV_TRY(fresh_salt());
  envelope.payload_size = static_cast<uint32_t>(draft.payload.size());
  envelope.payload_hash = base::sha256({draft.salt, draft.payload});
  return draft;
}

base::Result<uint64_t> Ledger::record(const core::Event& event) {
  Draft draft = HV_TRY(this->draft(event));
  Lock lock(mutex_);
  if (event.origin) {
    std::optional<SpoolIndex::Mark> mark = spools_.find(event.origin->spool);
    if (mark && event.origin->sequence == mark->sequence) return mark->index;
    if (mark && event.origin->sequence < mark->sequence) {
      lock.unlock();
      return find_origin(*event.origin, mark->index);
    }
  }
  return append(lock, std::span(&draft, 1));
}

base::Result<uint64_t> Ledger::record_spooled(std::span<const core::Event> events) {
  std::vector<Draft> drafts;
  drafts.reserve(events.size());
  for (const core::Event& event : events) {
    if (!event.origin || event.origin->spool != events[0].origin->spool)
      return base::Failure(base::invalid_argument("record the events of a spool: one of them is of another"));
    if (!drafts.empty() && event.origin->sequence <= drafts.back().envelope.origin->sequence) continue;
    drafts.push_back(HV_TRY(draft(event)));
  }
  Lock lock(mutex_);
  if (drafts.empty()) return journal_.next_index();
  std::optional<SpoolIndex::Mark> mark = spools_.find(events[0].origin->spool);
  auto is_new = [&](const Draft& draft) { return !mark || draft.envelope.origin->sequence > mark->sequence; };
  auto rest = std::ranges::find_if(drafts, is_new);
  return rest == drafts.end() ? journal_.next_index() : append(lock, std::span(rest, drafts.end()));
}

base::Result<uint64_t> Ledger::append(Lock& lock, std::span<Draft> drafts) {
  auto in_context = [&](base::Status status) {
    if (status) return status;
    return base::Status(
        base::Failure(std::move(status).error().with_context("record event '" + drafts.front().envelope.kind + "'")));
  };
  HV_TRY(in_context(prepare_to_append(lock)));
  uint64_t first = journal_.next_index();
  size_t known = fresh_.ends.size();
  size_t known_size = fresh_.texts.size();
  frames_.clear();
  uint64_t index = first;
  for (Draft& draft : drafts) {
    draft.envelope.index = index++;
    size_t begin = fresh_.texts.size();
    append_envelope(fresh_.texts, draft.envelope);
    std::string_view text = std::string_view(fresh_.texts).substr(begin);
    HV_CHECK(text.size() <= kMaxEnvelopeSize);
    append_frame(frames_, text, draft.salt, draft.payload);
    fresh_.ends.push_back(fresh_.texts.size());
  }
  if (base::Status written = in_context(journal_.append(frames_, drafts.size())); !written) {
    fresh_.texts.resize(known_size);
    fresh_.ends.resize(known);
    return base::Failure(std::move(written).error());
  }
  if (frames_.capacity() > kKeptMemory) frames_ = {};

  bool wanted = hub_.wanted();
  size_t begin = known_size;
  for (size_t i = 0; i < drafts.size(); ++i) {
    Draft& draft = drafts[i];
    size_t end = fresh_.ends[known + i];
    if (draft.envelope.origin) spools_.note(*draft.envelope.origin, draft.envelope.index);
    if (draft.envelope.kind == kSandboxGone) spools_.retire(draft.envelope.sandbox);
    if (wanted)
      hub_.publish(
          std::make_shared<const Entry>(Entry{std::move(draft.envelope), fresh_.texts.substr(begin, end - begin),
                                              PayloadState::present, std::move(draft.salt), std::move(draft.payload)}));
    begin = end;
  }
  if (known == 0) fresh_since_ = std::chrono::steady_clock::now();
  if (std::exchange(writer_waits_, false)) wake_writer_.notify_one();
  return first;
}

base::Status Ledger::prepare_to_append(Lock& lock) {
  HV_CHECK(lock.owns_lock());
  if (sync_failure_) {
    // The kernel may have dropped what it could not write: it is written again before anything new is accepted.
    HV_TRY_CONTEXT(journal_.rewrite_from(durable_offset_), "the ledger could not be made durable");
    sync_failure_.reset();
    durable_ = journal_.next_index();
    durable_offset_ = journal_.offset();
  }
  if (!journal_.wants_new_segment()) return {};
  std::string marks = options_.directory + "/journal/" + SpoolIndex::file_name(journal_.next_index());
  SpoolIndex known = spools_;
  known.turn();
  if (journal_.next_index() > 0) HV_TRY(options_.files->replace(marks, known.encode(), true));
  HV_TRY(journal_.start_segment());
  spools_ = std::move(known);
  durable_ = journal_.next_index();
  durable_offset_ = journal_.offset();
  return {};
}

base::Result<uint64_t> Ledger::find_origin(const core::Origin& origin, uint64_t before) {
  Reader reader(options_.directory);
  Query query;
  query.before = before;
  query.newest_first = true;
  std::optional<uint64_t> found;
  HV_TRY(reader.scan(query, [&](const Entry& entry) {
    const std::optional<core::Origin>& other = entry.envelope.origin;
    if (other && other->spool == origin.spool && other->sequence == origin.sequence) found = entry.envelope.index;
    return !found;
  }));
  if (!found)
    return base::Failure(base::conflict(base::format(
        "record event {} of spool {}: later ones are recorded, this one is not", origin.sequence, origin.spool)));
  return *found;
}

base::Status Ledger::ask(Request::Kind kind) {
  auto request = std::make_shared<Request>();
  request->kind = kind;
  Lock lock(mutex_);
  requests_.push_back(request);
  wake_writer_.notify_one();
  request_done_.wait(lock, [&] { return request->done; });
  return std::move(request->status);
}

base::Status Ledger::sync() {
  return ask(Request::Kind::sync);
}
base::Status Ledger::seal() {
  return ask(Request::Kind::seal);
}
base::Status Ledger::rotate() {
  return ask(Request::Kind::rotate);
}

uint64_t Ledger::last_sequence(const std::string& spool) {
  Lock lock(mutex_);
  std::optional<SpoolIndex::Mark> mark = spools_.find(spool);
  return mark ? mark->sequence : 0;
}

uint64_t Ledger::size() {
  Lock lock(mutex_);
  return journal_.next_index();
}

Ledger::Standing Ledger::standing() {
  Lock lock(mutex_);
  return {journal_.next_index(), durable_, sealed_, keys_.period(),
          sync_failure_ ? sync_failure_->message() : seal_failure_};
}

VerifierKey Ledger::verifier_key() {
  Lock lock(mutex_);
  return keys_.verifier();
}

void Ledger::on_durable(std::function<void()> told) {
  Lock lock(mutex_);
  on_durable_ = std::move(told);
}

std::unique_ptr<Subscription> Ledger::subscribe(Query query, size_t capacity, Subscription::Wake wake) {
  return hub_.subscribe(std::move(query), capacity, std::move(wake));
}

base::Status Ledger::delete_payloads(uint64_t first, uint64_t last, const std::string& principal,
                                     const std::string& reason) {
  Reader reader(options_.directory);
  if (first > last || last >= size())
    return base::Failure(
        base::invalid_argument(base::format("delete payloads {} to {}: no such entries", first, last)));
  Query query;
  query.from = first;
  query.before = last + 1;
  std::optional<std::string> kept;
  HV_TRY(reader.scan(query, [&](const Entry& entry) {
    if (entry.envelope.version != kEnvelopeVersion)
      kept = base::format("delete payload {}: it is of version {}, which this program does not know",
                          entry.envelope.index, entry.envelope.version);
    if (entry.envelope.kind.starts_with("ledger."))
      kept = base::format("delete payload {}: it belongs to the ledger's own event '{}'", entry.envelope.index,
                          entry.envelope.kind);
    return !kept;
  }));
  if (kept) return base::Failure(base::denied(*std::move(kept)));
  core::Event event =
      own_event("ledger.payload_deleted", {{"first", first}, {"last", last}, {"reason", reason}}, core::Risk::medium);
  event.principal = principal;
  (void)HV_TRY(record(event));
  // Afterwards no repair can write the payload back: everything up to here is durable.
  HV_TRY(sync());
  return erase_payloads({first, last}, {});
}

bool Ledger::can_forget(const Envelope& envelope, const std::string& sandbox) {
  if (envelope.kind.starts_with("ledger.") || envelope.version != kEnvelopeVersion) return false;
  return sandbox.empty() || (envelope.sandbox == sandbox && envelope.kind != "probe.proof");
}

base::Result<std::optional<Range>> Ledger::forget_payloads(uint64_t before, const std::string& principal,
                                                           const std::string& reason, uint64_t from,
                                                           const std::string& sandbox) {
  Reader reader(options_.directory);
  Query query;
  query.from = from;
  query.before = std::min(before, size());
  query.sandbox = sandbox;
  std::optional<Range> range;
  HV_TRY(reader.scan(query, [&](const Entry& entry) {
    if (entry.payload_state == PayloadState::deleted || !can_forget(entry.envelope, sandbox)) return true;
    if (!range) range = Range{entry.envelope.index, entry.envelope.index};
    range->last = entry.envelope.index;
    return true;
  }));
  if (!range) return range;
  core::Event event =
      own_event("ledger.payload_deleted", {{"first", range->first}, {"last", range->last}, {"reason", reason}},
                core::Risk::medium);
  if (!sandbox.empty()) event.payload["sandbox"] = event.sandbox = sandbox;
  event.principal = principal;
  (void)HV_TRY(record(event));
  HV_TRY(sync());
  HV_TRY(erase_payloads(*range, sandbox));
  return range;
}

base::Status Ledger::erase_payloads(const Range& range, const std::string& sandbox) {
  std::lock_guard house(keeping_house_);
  for (const SegmentFile& file : HV_TRY(list_segments(options_.directory))) {
    if (file.first_index > range.last) break;
    HV_TRY(file.archived ? erase_in_archive(file, range, sandbox) : erase_in_segment(file, range, sandbox));
  }
  return {};
}

base::Result<std::optional<Range>> Ledger::prune(uint64_t before, const std::string& principal,
                                                 const std::string& reason) {
  std::vector<SegmentFile> segments = HV_TRY(list_segments(options_.directory));
  size_t keep = 0;
  while (keep + 1 < segments.size() && segments[keep + 1].first_index <= before) ++keep;
  if (keep == 0) return std::optional<Range>();
  Range range{segments[0].first_index, segments[keep].first_index - 1};
  // Without these marks the next opening would have to read what is gone.
  std::string marks = options_.directory + "/journal/" + SpoolIndex::file_name(range.last + 1);
  base::Result<std::string> text = base::read_file(marks);
  if (!text || !SpoolIndex::decode(*text))
    return base::Failure(base::conflict("prune the ledger: " + marks + " is missing or damaged"));
  std::lock_guard house(keeping_house_);
  HV_TRY(seal());
  if (standing().sealed <= range.last)
    return base::Failure(base::conflict("prune the ledger: what is not sealed is not pruned"));
  core::Event event = own_event("ledger.pruned", {{"first", range.first}, {"last", range.last}, {"reason", reason}},
                                core::Risk::medium);
  event.principal = principal;
  (void)HV_TRY(record(event));
  // From here on the tiles alone have these entries' hashes: later ones are waited for, and those that were not, below.
  {
    Lock lock(mutex_);
    pruned_ = range.last + 1;
  }
  // Under a signature before anything is gone: a verifier believes no other word for it.
  HV_TRY(seal());
  HV_TRY_CONTEXT(options_.files->sync_file_system(options_.directory), "prune the ledger");
  // The oldest first, so that what a crash leaves is still the ledger's end.
  for (size_t i = 0; i < keep; ++i) {
    std::string path = segment_path(options_.directory, segments[i].first_index).value_or(segments[i].path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return base::Failure(base::Error::from_errno(errno, "prune the ledger", path));
    (void)options_.files->remove_tree(options_.directory + "/journal/" +
                                      SpoolIndex::file_name(segments[i].first_index));
  }
  for (uint64_t bundle = range.first / kTileWidth; (bundle + 1) * kTileWidth <= range.last + 1; ++bundle)
    (void)options_.files->remove_tree(options_.directory + "/" + entries_path(bundle));
  return std::optional<Range>(range);
}

bool Ledger::period_is_over() const {
  return options_.key_period.count() > 0 && options_.clock->wall() - keys_.since() >= options_.key_period;
}

void Ledger::run() {
  Lock lock(mutex_);
  Time next_seal = std::chrono::steady_clock::now() + options_.seal_interval;
  auto something_to_do = [&] { return urgent() || !fresh_.ends.empty(); };
  for (;;) {
    bool unsealed = tree_.size() > sealed_;
    writer_waits_ = true;
    if (unsealed) {
      wake_writer_.wait_until(lock, next_seal, something_to_do);
    } else {
      wake_writer_.wait(lock, something_to_do);
      next_seal = std::chrono::steady_clock::now() + options_.seal_interval;
    }
    writer_waits_ = false;
    if (!urgent() && !fresh_.ends.empty()) {
      Time batch_end = fresh_since_ + options_.sync_delay;
      wake_writer_.wait_until(lock, batch_end, [&] { return urgent(); });
    }
    std::vector<std::shared_ptr<Request>> requests = std::exchange(requests_, {});
    bool stopping = stopping_;
    base::Status synced = fresh_.ends.empty() && requests.empty() ? base::Status{} : sync_now(lock);

    auto wants = [&](Request::Kind kind) {
      return std::ranges::any_of(requests, [&](const auto& request) { return request->kind == kind; });
    };
    base::Status sealed;
    bool due = tree_.size() > sealed_ && std::chrono::steady_clock::now() >= next_seal;
    if (due || stopping || wants(Request::Kind::seal)) {
      sealed = seal_now(lock);
      seal_failure_ = sealed ? std::string() : sealed.error().text();
      next_seal = std::chrono::steady_clock::now() + options_.seal_interval;
    }
    base::Status rotated;
    if (wants(Request::Kind::rotate) || (due && sealed && period_is_over())) rotated = rotate_now(lock);

    for (const auto& request : requests) {
      request->status = request->kind == Request::Kind::sync   ? synced
                        : request->kind == Request::Kind::seal ? sealed
                                                               : rotated;
      request->done = true;
    }
    if (!requests.empty()) request_done_.notify_all();
    if (stopping && requests_.empty() && (fresh_.ends.empty() || !sealed)) return;
  }
}

base::Status Ledger::sync_now(Lock& lock) {
  Fresh batch = std::exchange(fresh_, {});
  std::shared_ptr<const base::Fd> file = journal_.file();
  uint64_t segment = journal_.segment_first();
  uint64_t offset = journal_.offset();
  uint64_t index = journal_.next_index();
  bool failed_before = sync_failure_.has_value();
  lock.unlock();
  size_t begin = 0;
  for (size_t end : batch.ends) {
    tree_.append(std::string_view(batch.texts).substr(begin, end - begin));
    begin = end;
  }
  int error = file && !failed_before && options_.files->sync(file->get()) != 0 ? errno : 0;
  lock.lock();
  if (error != 0 && !sync_failure_) sync_failure_ = base::Error::from_errno(error, "make the journal durable");
  if (sync_failure_) HV_TRY(prepare_to_append(lock));
  // Another segment may have begun meanwhile; that made this one durable.
  if (segment == journal_.segment_first()) durable_offset_ = std::max(durable_offset_, offset);
  if (index > durable_ && on_durable_) on_durable_();
  durable_ = std::max(durable_, index);
  return {};
}

base::Status Ledger::seal_now(Lock& lock, bool again) {
  HV_TRY(sync_now(lock));
  if (tree_.size() == 0 || (tree_.size() == sealed_ && !again)) return {};
  HV_CHECK(durable_ >= tree_.size());
  HV_TRY(keys_.complete());
  Checkpoint checkpoint{keys_.origin(), tree_.size(), tree_.root()};
  std::string note = keys_.sign(checkpoint.text());
  tree_.keep_hashes_below(pruned_);
  lock.unlock();
  base::Status published = tree_.publish();
  if (published) published = options_.files->replace(options_.directory + "/checkpoint", note, true);
  lock.lock();
  if (!published) return base::Failure(std::move(published).error().with_context("seal the ledger"));
  sealed_ = checkpoint.size;
  return {};
}

base::Status Ledger::rotate_now(Lock& lock) {
  base::WallTime now = options_.clock->wall();
  HV_TRY(keys_.complete());
  VerifierKey next = HV_TRY(keys_.prepare_next(now));
  core::Event event =
      own_event("ledger.key_rotated",
                {{"period", keys_.period() + 1}, {"key", next.text()}, {"previous_key", keys_.verifier().text()}});
  Draft written = HV_TRY(draft(event));
  uint64_t index = HV_TRY(append(lock, std::span(&written, 1)));
  // Nothing was recorded between that and what is sealed now: the old key's last tree ends with the event.
  HV_TRY(seal_now(lock));
  HV_CHECK(tree_.size() == index + 1);
  HV_TRY(keys_.hand_over(tree_.size(), tree_.root(), now));
  return seal_now(lock, true);
}

}  // namespace hv::audit
