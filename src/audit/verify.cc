// Two passes. The first hashes the journal, holds the tree against every signature and the published tiles against the
// tree; when all agree that is all. The second runs only when they do not: it finds out, from those tiles that the
// signed root still vouches for, which entries are not the ones that were sealed.
#include "audit/verify.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>
#include <unordered_map>

#include "audit/damage.h"
#include "audit/deletions.h"
#include "audit/key_store.h"
#include "audit/own_event.h"
#include "audit/record_check.h"
#include "audit/segment.h"
#include "audit/spool_index.h"
#include "audit/tile_tree.h"
#include "audit/tree_writer.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"

namespace hv::audit {

namespace {

// Stands where the tree writer would write, and looks whether what it would write is there.
class ComparingFiles final : public FileLayer {
 public:
  base::Status replace(const std::string& path, std::string_view data, bool) override {
    base::Result<std::string> found = base::read_file(path);
    if (!found) {
      // A partial tile goes away once the full one is there, which begins with it.
      size_t partial = path.rfind(".p/");
      if (partial != std::string::npos) found = base::read_file(path.substr(0, partial));
      if (found) found->resize(std::min(found->size(), data.size()));
    }
    if (!found || *found != data) wrong_.push_back(path);
    return {};
  }
  base::Status make_directories(const std::string&) override { return {}; }
  base::Status remove_tree(const std::string&) override { return {}; }
  const std::vector<std::string>& wrong() const { return wrong_; }

 private:
  std::vector<std::string> wrong_;
};

class Verifier {
 public:
  Verifier(const std::string& directory, const VerifyOptions& options) : directory_(directory), options_(options) {}
  base::Result<Report> run();

 private:
  void add(ProblemKind kind, std::optional<Range> entries, std::string message) {
    report_.problems.emplace_back(kind, entries, std::move(message));
  }
  void check_keys_and_checkpoint();
  void check_remembered(const std::string& text, std::string what);
  void begin_at(const std::string& note);
  base::Status walk_journal();
  void walk_pruned(uint64_t end);
  void check_pruning();
  void take_record(uint64_t index, const Segment& segment, Checked& record);
  void check_handover_entries();
  void report_tiles();
  void check_side_files();
  void report_notes();
  uint64_t last_handover_size() const { return chain_.handovers.empty() ? 0 : chain_.handovers.back().size; }

  const std::string directory_;
  const VerifyOptions& options_;
  Report report_;
  KeyChain chain_;
  std::vector<Promise> promises_;  // by size
  uint64_t from_ = 0;              // entries below were verified before
  uint64_t pruned_ = 0;            // entries below are gone from the journal
  bool sequence_broken_ = false;   // the journal's records do not follow one another
  bool tree_wrong_ = false;
  std::vector<Range> bad_payloads_;
  std::map<std::string, std::vector<Range>> deleted_of_;  // by sandbox
  std::unordered_map<std::string, uint64_t> spools_;
  std::vector<OwnEvent> own_events_;
  ComparingFiles tiles_;
  TreeWriter tree_{directory_, tiles_};
};

void Verifier::check_keys_and_checkpoint() {
  // A writer may change its key between our two looks; then the second try sees both.
  for (int attempt = 0; attempt < 2; ++attempt) {
    report_.problems.clear();
    std::string path = directory_ + "/checkpoint";
    base::Result<std::string> text = base::read_file(path, 65536);
    base::Result<KeyChain> chain = read_key_chain(directory_, options_.first_key);
    if (!chain) {
      add(ProblemKind::key_swapped, std::nullopt, chain.error().message());
      return;
    }
    chain_ = *std::move(chain);
    if (chain_.fault) add(ProblemKind::key_swapped, std::nullopt, *chain_.fault);
    report_.origin = chain_.keys[0].name;
    if (!text) {
      // A new ledger has none for its first second; one that has published tiles had one.
      if (base::path_exists(directory_ + "/tile") || !chain_.handovers.empty())
        add(ProblemKind::checkpoint_bad, std::nullopt, "the checkpoint is gone, so that nothing says what was sealed");
      else
        report_.notes.emplace_back("there is no checkpoint yet: nothing is sealed");
      return;
    }
    base::Result<Note> note = Note::parse(*text);
    base::Result<Checkpoint> checkpoint = note ? Checkpoint::parse_text(note->text) : base::Failure(note.error());
    if (!checkpoint) {
      add(ProblemKind::checkpoint_bad, std::nullopt, checkpoint.error().message());
      return;
    }
    bool by_last = note->signed_by(chain_.keys.back());
    bool by_previous = chain_.keys.size() > 1 && checkpoint->size == last_handover_size() &&
                       note->signed_by(chain_.keys[chain_.keys.size() - 2]);
    Range unsigned_part{last_handover_size(), checkpoint->size == 0 ? 0 : checkpoint->size - 1};
    if (checkpoint->origin != report_.origin || !(by_last || by_previous)) {
      add(ProblemKind::key_swapped, unsigned_part,
          base::format("the checkpoint of {} entries is not signed by the ledger's key of period {}", checkpoint->size,
                       chain_.keys.size() - 1));
    } else if (checkpoint->size < last_handover_size()) {
      add(ProblemKind::rolled_back, Range{checkpoint->size, last_handover_size() - 1},
          base::format("the checkpoint covers {} entries, though a key signed for {}", checkpoint->size,
                       last_handover_size()));
    } else {
      report_.checkpoint = *checkpoint;
      report_.checkpoint_note = *text;
      return;
    }
  }
}

void Verifier::check_remembered(const std::string& text, std::string what) {
  base::Result<Note> note = Note::parse(text);
  base::Result<Checkpoint> remembered = note ? Checkpoint::parse_text(note->text) : base::Failure(note.error());
  if (!remembered || remembered->origin != report_.origin) {
    add(ProblemKind::checkpoint_bad, std::nullopt, what + " is not one of this ledger");
    return;
  }
  if (std::ranges::none_of(chain_.keys, [&](const VerifierKey& key) { return note->signed_by(key); }))
    add(ProblemKind::key_swapped, std::nullopt, what + " is not signed by any key of this ledger");
  uint64_t have = report_.checkpoint ? report_.checkpoint->size : 0;
  if (remembered->size > have) {
    add(ProblemKind::rolled_back, Range{have, remembered->size - 1},
        base::format("the ledger is sealed up to {} entries; {} covers {}", have, what, remembered->size));
  } else if (remembered->size > 0) {
    promises_.push_back({remembered->size, remembered->root, 0, std::move(what), std::nullopt});
  }
}

// The published tiles give the right edge of the tree that was verified, and its root says whether they are right: to
// hash what came since on top of it, and to get the root of the present checkpoint, is to prove that the one continues
// the other.
void Verifier::begin_at(const std::string& text) {
  base::Result<Note> note = Note::parse(text);
  base::Result<Checkpoint> verified = note ? Checkpoint::parse_text(note->text) : base::Failure(note.error());
  base::Result<std::vector<SegmentFile>> files = list_segments(directory_);
  if (!verified || !files || verified->size == 0 || verified->size > report_.sealed) return;
  if (first_entry(*files) > verified->size) return;
  base::Result<TreeWriter> tree = TreeWriter::resume(directory_, tiles_, verified->size, verified->root);
  if (!tree) return;
  tree_ = *std::move(tree);
  from_ = report_.from = verified->size;
  std::erase_if(promises_, [&](const Promise& promise) { return promise.size < from_; });
  for (Promise& promise : promises_)
    if (promise.size == from_) promise.computed = tree_.root();
}

base::Status Verifier::walk_journal() {
  std::vector<SegmentFile> files = HV_TRY(list_segments(directory_));
  unsigned threads = options_.threads != 0 ? options_.threads : std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  uint64_t last_file = files.empty() ? 0 : files.back().first_index;
  if (from_ == 0) walk_pruned(first_entry(files));
  CheckedJournal journal(std::move(files), from_, threads);
  for (bool first = true; std::optional<CheckedSegment> checked = journal.next(); first = false) {
    const SegmentFile& file = checked->file;
    if (!checked->segment) {
      add(ProblemKind::unreadable, std::nullopt, checked->segment.error().message());
      sequence_broken_ = true;
      continue;
    }
    const Segment& segment = *checked->segment;
    ++report_.segments;
    if (from_ > 0 && first) report_.entries = file.first_index;
    if (file.first_index != report_.entries) sequence_broken_ = true;
    uint64_t index = checked->first;
    for (Checked& record : checked->records) take_record(index++, segment, record);
    report_.entries += segment.count();
    if (segment.fault() != FrameFault::none) {
      bool behind_seal = file.first_index == last_file && !sequence_broken_ && report_.entries >= report_.sealed;
      uint64_t bytes = segment.bytes().size() - segment.end_offset();
      if (behind_seal && !find_frame(segment.bytes(), segment.end_offset())) {
        report_.notes.push_back(base::format("{} bytes of an unfinished record stand behind entry {}", bytes,
                                             report_.entries - std::min<uint64_t>(report_.entries, 1)));
      } else {
        add(ProblemKind::damaged, Range{report_.entries, report_.entries},
            base::format("{}: damaged at byte {}", file.path.substr(file.path.rfind('/') + 1), segment.end_offset()));
        sequence_broken_ = true;
      }
    }
    if (options_.progress) options_.progress(report_.entries);
  }
  return {};
}

// What was pruned is known by its hashes alone; together with the rest they must have the root that was signed.
void Verifier::walk_pruned(uint64_t end) {
  if (end == 0) return;
  pruned_ = report_.entries = end;
  if (end > report_.sealed) {
    sequence_broken_ = true;
    return add(ProblemKind::missing, Range{0, end - 1},
               base::format("{} are gone, and were never sealed", range_text({0, end - 1})));
  }
  auto after_each = [&] {
    for (Promise& promise : promises_)
      if (promise.size == tree_.size()) promise.computed = tree_.root();
    if (tree_.size() % kTileWidth == 0) (void)tree_.flush();
  };
  base::Status status = append_pruned_prefix(tree_, directory_, report_.sealed, end, after_each);
  if (status) return;
  add(ProblemKind::unreadable, Range{0, end - 1}, status.error().message());
  sequence_broken_ = true;
}

// Who took the ledger's beginning away must have said so, in an event that is sealed.
void Verifier::check_pruning() {
  if (pruned_ == 0) return;
  uint64_t announced = 0;
  for (const OwnEvent& event : own_events_) {
    std::optional<uint64_t> last = event.number("last");
    if (event.envelope.kind != "ledger.pruned" || event.index >= report_.sealed || !last) continue;
    announced = std::max(announced, *last + 1);
    report_.notes.push_back(base::format("entries up to {} were pruned by {} on {}: {}", *last,
                                         event.envelope.principal, base::to_rfc3339(event.envelope.time),
                                         event.text("reason")));
  }
  if (announced < pruned_)
    add(ProblemKind::missing, Range{announced, pruned_ - 1},
        base::format("{} are gone from the journal's beginning, and no event says that they were pruned",
                     range_text({announced, pruned_ - 1})));
}

void Verifier::take_record(uint64_t index, const Segment& segment, Checked& record) {
  if (!record.right_envelope) {
    if (index >= report_.sealed && !sequence_broken_)
      add(ProblemKind::changed, Range{index, index},
          base::format("entry {}, not sealed yet, is not that entry", index));
    sequence_broken_ = true;
  }
  if (record.later) {
    add_to_ranges(report_.later_entries, index);
  } else if (record.payload_deleted) {
    add_to_ranges(report_.deleted_payloads, index);
    add_to_ranges(deleted_of_[record.sandbox], index);
  } else if (!record.payload_right && record.right_envelope) {
    add_to_ranges(bad_payloads_, index);
  }
  if (record.of_ledger && record.payload_right)
    if (auto event = read_own_event(index, segment.frame_unchecked(index))) own_events_.push_back(*std::move(event));
  if (record.origin) {
    uint64_t& last = spools_[record.origin->spool];
    // Where the beginning was pruned or not looked at, so were the first of a spool.
    if (record.origin->sequence != last + 1 && !(last == 0 && (pruned_ > 0 || from_ > 0)))
      report_.notes.push_back(base::format("entry {}: spool {} goes from event {} to {}", index, record.origin->spool,
                                           last, record.origin->sequence));
    last = record.origin->sequence;
  }
  if (index >= report_.sealed || sequence_broken_) return;
  tree_.append(segment.frame_unchecked(index).envelope, record.leaf);
  for (Promise& promise : promises_)
    if (promise.size == tree_.size()) promise.computed = tree_.root();
  // Each full tile is compared as soon as it is there, so that they do not pile up.
  if (tree_.size() % kTileWidth == 0) (void)tree_.flush();
}

void Verifier::check_handover_entries() {
  for (const Handover& handover : chain_.handovers) {
    if (handover.size == 0 || handover.size > report_.entries || handover.size <= std::max(pruned_, from_)) continue;
    uint64_t index = handover.size - 1;
    // One of a later version may well announce it; that it is the one that both keys signed for was looked at.
    if (std::ranges::any_of(report_.later_entries, [&](const Range& r) { return r.first <= index && index <= r.last; }))
      continue;
    auto event = std::ranges::lower_bound(own_events_, index, {}, &OwnEvent::index);
    if (event == own_events_.end() || event->index != index || event->envelope.kind != "ledger.key_rotated" ||
        event->text("key") != handover.key.text())
      add(ProblemKind::key_swapped, Range{index, index},
          base::format("entry {} does not announce the key that follows it (period {})", index, handover.period));
  }
}

void Verifier::report_tiles() {
  if (!report_.checkpoint || tree_wrong_ || sequence_broken_) return;
  (void)tree_.publish();
  for (const std::string& path : tiles_.wrong())
    add(ProblemKind::tile_changed, std::nullopt,
        base::format("{} is missing or not what the journal gives; the journal itself is right",
                     path.substr(directory_.size() + 1)));
}

// What stands beside: partial tiles of earlier sizes, the saved spool marks, the torn ends of crashes.
void Verifier::check_side_files() {
  std::error_code error;
  // They are of what was verified before, and as many.
  if (from_ > 0) return;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory_ + "/tile", error)) {
    std::string path = file.path().string();
    size_t partial = path.rfind(".p/");
    if (partial == std::string::npos || !file.is_regular_file(error)) continue;
    std::string prefix = path.substr(0, partial);
    base::Result<std::string> bytes = base::read_file(path);
    // The largest of its tile: the full one, or the one of the present size, which was compared before.
    base::Result<std::string> whole = base::read_file(prefix);
    if (!whole && report_.checkpoint) {
      bool is_bundle = prefix.find("/tile/entries/") != std::string::npos;
      int level = is_bundle ? 0 : std::atoi(prefix.c_str() + directory_.size() + 6);
      whole = base::read_file(base::format("{}.p/{}", prefix, level_size(report_.sealed, level) % kTileWidth));
    }
    // One larger than the present tree was written just before a crash; the next checkpoint brings it.
    if (!bytes || !whole || whole->starts_with(*bytes) || bytes->size() > whole->size()) continue;
    // A power cut took part of it before its size was sealed, or a crash before it had its name.
    if (has_hole(*bytes) || path.find(".tmp-", partial) != std::string::npos) continue;
    // A wrong tile of the present size was reported already.
    if (std::ranges::any_of(tiles_.wrong(), [&](const std::string& wrong) { return wrong.starts_with(prefix); }))
      continue;
    add(ProblemKind::tile_changed, std::nullopt,
        base::format("{}, of an earlier size, is not the beginning of the present tile",
                     path.substr(directory_.size() + 1)));
  }
  for (const auto& file : std::filesystem::directory_iterator(directory_ + "/journal", error)) {
    std::string path = file.path().string();
    if (!path.ends_with(".spools")) continue;
    base::Result<std::string> text = base::read_file(path);
    if (text && SpoolIndex::decode(*text)) continue;
    add(ProblemKind::tile_changed, std::nullopt,
        base::format("{} is damaged; the journal itself is right", path.substr(directory_.size() + 1)));
  }
  for (const OwnEvent& event : own_events_) {
    std::string_view name = event.text("kept_as");
    if (event.envelope.kind != "ledger.recovered" || !name.starts_with("journal/") ||
        name.find("..") != std::string_view::npos)
      continue;
    // The file may be thrown away, but not replaced by another.
    base::Result<std::string> bytes = base::read_file(base::format("{}/{}", directory_, name));
    if (bytes && base::to_hex(base::as_view(base::sha256(*bytes))) != event.text("sha256"))
      add(ProblemKind::damaged, Range{event.index, event.index},
          base::format("{} is not what entry {} says was set aside", name, event.index));
  }
}

void Verifier::report_notes() {
  note_later_entries(report_);
  for (const OwnEvent& event : own_events_) {
    std::optional<uint64_t> first = event.number("first");
    std::optional<uint64_t> last = event.number("last");
    if (event.envelope.kind == "ledger.recovered" && first && last)
      report_.notes.push_back(
          base::format("{}: under no checkpoint when the ledger was opened on {} (entry {}), as a crash leaves them; "
                       "that the daemon "
                       "recorded them nothing but the files says",
                       range_text({*first, *last}), base::to_rfc3339(event.envelope.time), event.index));
  }
  for (const Range& range : bad_payloads_)
    add(ProblemKind::payload_changed, range,
        base::format("{}: the payload is not the one it was recorded with", range_text(range)));
  Deletions announced;
  for (const OwnEvent& event : own_events_)
    if (event.envelope.kind == "ledger.payload_deleted") (void)announced.add(event.payload);
  std::vector<Range> unannounced;
  for (const auto& [sandbox, ranges] : deleted_of_)
    for (const Range& range : ranges)
      for (uint64_t index = range.first; index <= range.last; ++index)
        if (!announced.covers(index, sandbox)) add_to_ranges(unannounced, index);
  // The writer records it, durably, before it deletes: without that somebody else did.
  for (const Range& range : unannounced)
    add(ProblemKind::payload_changed, range,
        base::format("{}: the payload was deleted, and no ledger.payload_deleted says so", range_text(range)));
}

base::Result<Report> Verifier::run() {
  if (!base::path_exists(directory_ + "/journal"))
    return base::Failure(base::not_found(base::format("verify: {} holds no ledger", directory_)));
  check_keys_and_checkpoint();
  for (const VerifierKey& key : chain_.keys) report_.keys.push_back(key.text());
  uint64_t since = 0;
  for (const Handover& handover : chain_.handovers) {
    promises_.push_back(
        {handover.size, handover.root, since, base::format("the key of period {}", handover.period), std::nullopt});
    since = handover.size;
  }
  if (report_.checkpoint) {
    report_.sealed = report_.checkpoint->size;
    if (report_.sealed > 0)
      promises_.push_back({report_.sealed, report_.checkpoint->root, since, "the checkpoint", std::nullopt});
  } else if (!chain_.handovers.empty()) {
    report_.sealed = last_handover_size();
  }
  if (options_.remembered) check_remembered(*options_.remembered, "the remembered checkpoint");
  if (options_.since) {
    check_remembered(*options_.since, "the checkpoint of the last verification");
    if (report_.intact()) begin_at(*options_.since);
  }
  HV_TRY(walk_journal());
  tree_wrong_ = !std::ranges::all_of(promises_, &Promise::kept);
  if (tree_wrong_ || (sequence_broken_ && report_.checkpoint && report_.sealed > 0))
    find_damage(directory_, report_.checkpoint, promises_, report_.problems);
  check_pruning();
  check_handover_entries();
  report_tiles();
  check_side_files();
  report_notes();
  // By entry; those that concern none come last, and equals keep their order.
  std::multimap<uint64_t, Problem> by_entry;
  for (Problem& problem : report_.problems) {
    uint64_t first = problem.entries ? problem.entries->first : UINT64_MAX;
    by_entry.emplace(first, std::move(problem));
  }
  report_.problems.clear();
  for (auto& [first, problem] : by_entry) report_.problems.push_back(std::move(problem));
  return std::move(report_);
}

}  // namespace

base::Result<Report> verify(const std::string& directory, const VerifyOptions& options) {
  base::Result<Report> report = Verifier(directory, options).run();
  if (!report || report->from == 0 || report->intact()) return report;
  // What is wrong can begin below, and has to be named to the entry.
  VerifyOptions whole = options;
  whole.since.reset();
  if (!whole.remembered) whole.remembered = options.since;
  return Verifier(directory, whole).run();
}

}  // namespace hv::audit
