#include "audit/ledger.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "audit/frame.h"
#include "audit/ledger_event.h"
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

// What an opening found that the last closing had not left: records cut short, and whole ones that no checkpoint
// covers. A crash leaves both, but so can whoever writes the files while no daemon runs; sealed they will look like all
// others, so that the range is said while it can still be told.
std::optional<core::Event> recovered(const std::optional<TornTail>& torn, uint64_t sealed, uint64_t found) {
  if (!torn && found == sealed) return std::nullopt;
  core::Event event = event_of_ledger("ledger.recovered", {}, core::Risk::low);
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
  std::set<std::string_view> spools;
  for (const core::Event& event : events) {
    bool follows = !drafts.empty() && event.origin && event.origin->spool == drafts.back().envelope.origin->spool;
    if (!event.origin || (!follows && !spools.insert(event.origin->spool).second))
      return base::Failure(
          base::invalid_argument("record the events of spools: one of them is of none, or not with the others of its"));
    if (follows && event.origin->sequence <= drafts.back().envelope.origin->sequence) continue;
    drafts.push_back(HV_TRY(draft(event)));
  }
  Lock lock(mutex_);
  std::erase_if(drafts, [&](const Draft& draft) {
    std::optional<SpoolIndex::Mark> mark = spools_.find(draft.envelope.origin->spool);
    return mark && draft.envelope.origin->sequence <= mark->sequence;
  });
  if (drafts.empty()) return journal_.next_index();
  uint64_t first = HV_TRY(append(lock, drafts));
  fresh_complete_ = true;
  return first;
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

}  // namespace hv::audit
