#include "index/shard.h"

#include <algorithm>

#include <unistd.h>

#include "audit/crc32c.h"
#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "index/terms.h"

namespace hv::index {

namespace {

// Of the tables below and of terms.h: any change makes every shard anew.
constexpr int kVersion = 1;
constexpr uint64_t kBlock = 1024;

constexpr const char* kTables = R"sql(
  CREATE TABLE state(
    key INTEGER PRIMARY KEY CHECK(key = 0), segment INTEGER, next INTEGER, offset INTEGER, envelope TEXT) STRICT;
  CREATE TABLE place(entry INTEGER PRIMARY KEY, offset INTEGER) STRICT;
  CREATE TABLE block(first INTEGER PRIMARY KEY, last INTEGER, earliest INTEGER, latest INTEGER) STRICT;
  CREATE VIRTUAL TABLE word USING fts5(terms, content='', detail='none', columnsize=0, tokenize='ascii');
  INSERT INTO word(word, rank) VALUES('automerge', 8);
)sql";

std::string checksum_path(const std::string& path) {
  return path + ".sum";
}

base::Result<std::string> checksum(const std::string& path) {
  std::string bytes = HV_TRY(base::read_file(path, size_t{4} << 30));
  return base::format("crc32c {:08x} {}\n", audit::crc32c(bytes), bytes.size());
}

int64_t nanoseconds(base::WallTime time) {
  return time.time_since_epoch().count();
}

base::Failure unfit(const std::string& path) {
  return base::Failure(base::conflict("the ledger's index: " + path + " is not of this journal"));
}

}  // namespace

bool is_sealed(const std::string& path) {
  base::Result<std::string> noted = base::read_file(checksum_path(path), 100);
  if (!noted) return false;
  base::Result<std::string> found = checksum(path);
  return found && *found == *noted;
}

void remove_shard(const std::string& path) {
  // The checksum first: without it the rest is nothing that anybody believes.
  for (const char* suffix : {".sum", "", "-wal", "-shm", "-journal"}) ::unlink((path + suffix).c_str());
}

base::Result<ShardWriter> ShardWriter::open(const std::string& path, const std::string& ledger, uint64_t segment) {
  // A checksum belongs to a file that is not written any more.
  ::unlink(checksum_path(path).c_str());
  for (bool again : {false, true}) {
    base::Result<Database> database = Database::open(path, Database::Mode::write);
    base::Status ready = database ? base::Status() : base::Status(base::Failure(database.error()));
    if (ready) {
      ShardWriter writer(path, *std::move(database));
      ready = writer.prepare(ledger, segment);
      if (ready) return writer;
    }
    if (again) return base::Failure(std::move(ready).error());
    remove_shard(path);
  }
  return unfit(path);
}

base::Status ShardWriter::prepare(const std::string& ledger, uint64_t segment) {
  HV_TRY(database_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048"));
  int64_t version = 0;
  {
    Statement ask = HV_TRY(database_.prepare("PRAGMA user_version"));
    if (HV_TRY(ask.step())) version = ask.integer(0);
  }
  if (version == 0) {
    HV_TRY(database_.run("BEGIN"));
    HV_TRY(database_.run(kTables));
    std::string first =
        base::format("INSERT INTO state VALUES(0, {}, {}, {}, '')", segment, segment, audit::kSegmentHeaderSize);
    HV_TRY(database_.run(first.c_str()));
    HV_TRY(database_.run(base::format("PRAGMA user_version = {}", kVersion).c_str()));
    HV_TRY(database_.run("COMMIT"));
  } else if (version != kVersion) {
    return unfit(path_);
  } else {
    Statement check = HV_TRY(database_.prepare("PRAGMA quick_check(1)"));
    if (!HV_TRY(check.step()) || check.text(0) != "ok") return unfit(path_);
  }
  Statement state = HV_TRY(database_.prepare("SELECT segment, next, offset, envelope FROM state"));
  if (!HV_TRY(state.step()) || state.integer(0) != static_cast<int64_t>(segment)) return unfit(path_);
  next_ = {static_cast<uint64_t>(state.integer(1)), segment, static_cast<uint64_t>(state.integer(2))};
  if (next_.index > segment) {
    // The journal may have been replaced by an older copy: the last entry must be the one that was indexed.
    Statement last = HV_TRY(database_.prepare("SELECT offset FROM place WHERE entry = ?"));
    last.bind(1, static_cast<int64_t>(next_.index - 1));
    if (!HV_TRY(last.step())) return unfit(path_);
    base::Result<audit::Entry> entry =
        audit::PlaceReader(ledger).read({next_.index - 1, segment, static_cast<uint64_t>(last.integer(0))});
    if (!entry || base::to_hex(base::as_view(base::sha256(entry->envelope_text))) != state.text(3)) return unfit(path_);
  }
  insert_words_ = HV_TRY(database_.prepare("INSERT INTO word(rowid, terms) VALUES(?, ?)"));
  insert_place_ = HV_TRY(database_.prepare("INSERT INTO place VALUES(?, ?)"));
  insert_block_ = HV_TRY(database_.prepare("INSERT INTO block VALUES(?, ?, ?, ?)"));
  update_next_ = HV_TRY(database_.prepare("UPDATE state SET next = ?, offset = ?, envelope = ?"));
  return {};
}

base::Status ShardWriter::add(const audit::Entry& entry, const audit::Place& place, bool with_payload) {
  if (!std::exchange(open_transaction_, true)) HV_TRY(database_.run("BEGIN"));
  std::string terms = terms_of(entry, with_payload);
  insert_words_->bind(1, static_cast<int64_t>(place.index));
  insert_words_->bind(2, terms);
  HV_TRY(insert_words_->run());
  insert_place_->bind(1, static_cast<int64_t>(place.index));
  insert_place_->bind(2, static_cast<int64_t>(place.offset));
  HV_TRY(insert_place_->run());
  if (block_.count == 0) block_ = {place.index, place.index, INT64_MAX, INT64_MIN, 0};
  block_.last = place.index;
  // When one of a later version was recorded is not known.
  if (entry.envelope.version == audit::kEnvelopeVersion) {
    int64_t time = nanoseconds(entry.envelope.time);
    block_.earliest = std::min(block_.earliest, time);
    block_.latest = std::max(block_.latest, time);
  }
  last_envelope_ = entry.envelope_text;
  if (++block_.count == kBlock) return flush_block();
  return {};
}

base::Status ShardWriter::flush_block() {
  if (block_.count == 0) return {};
  insert_block_->bind(1, static_cast<int64_t>(block_.first));
  insert_block_->bind(2, static_cast<int64_t>(block_.last));
  insert_block_->bind(3, block_.earliest);
  insert_block_->bind(4, block_.latest);
  block_.count = 0;
  return insert_block_->run();
}

base::Status ShardWriter::commit(const audit::Place& next) {
  if (!open_transaction_) return {};
  HV_TRY(flush_block());
  update_next_->bind(1, static_cast<int64_t>(next.index));
  update_next_->bind(2, static_cast<int64_t>(next.offset));
  std::string envelope = base::to_hex(base::as_view(base::sha256(last_envelope_)));
  update_next_->bind(3, envelope);
  HV_TRY(update_next_->run());
  HV_TRY(database_.run("COMMIT"));
  open_transaction_ = false;
  next_.index = next.index;
  next_.offset = next.offset;
  return {};
}

base::Status ShardWriter::merge() {
  return database_.run("INSERT INTO word(word) VALUES('optimize')");
}

base::Status ShardWriter::seal(ShardWriter writer) {
  std::string path = writer.path_;
  {
    // The last one to close a file brings what stands in its log into it.
    ShardWriter closed = std::move(writer);
  }
  if (base::path_exists(path + "-wal"))
    return base::Failure(base::io_error("the ledger's index: " + path + " could not be closed"));
  return base::replace_file(checksum_path(path), HV_TRY(checksum(path)));
}

base::Result<ShardReader> ShardReader::open(const std::string& path, bool sealed) {
  ShardReader reader(HV_TRY(Database::open(path, sealed ? Database::Mode::sealed : Database::Mode::read)));
  Database& database = reader.database_;
  HV_TRY(database.run("PRAGMA cache_size = -512; PRAGMA mmap_size = 268435456"));
  reader.find_place_ = HV_TRY(database.prepare("SELECT offset FROM place WHERE entry = ?"));
  constexpr std::string_view kFind =
      "SELECT rowid FROM word WHERE word MATCH ?1 AND rowid >= ?2 AND rowid <= ?3 ORDER BY rowid ";
  reader.newest_ = HV_TRY(database.prepare(std::string(kFind) + "DESC"));
  reader.oldest_ = HV_TRY(database.prepare(std::string(kFind) + "ASC"));
  constexpr std::string_view kList = "SELECT entry FROM place WHERE entry >= ?2 AND entry <= ?3 ORDER BY entry ";
  reader.list_newest_ = HV_TRY(database.prepare(std::string(kList) + "DESC"));
  reader.list_oldest_ = HV_TRY(database.prepare(std::string(kList) + "ASC"));
  reader.spans_ =
      HV_TRY(database.prepare("SELECT min(first), max(last) FROM block WHERE latest >= ?1 AND earliest < ?2"));
  reader.next_ = HV_TRY(database.prepare("SELECT segment, next, offset FROM state"));
  reader.segment_ = HV_TRY(reader.next()).segment;
  return reader;
}

base::Result<audit::Place> ShardReader::next() {
  if (!HV_TRY(next_->step())) return base::Failure(base::io_error("the ledger's index: it has no state"));
  audit::Place place{static_cast<uint64_t>(next_->integer(1)), static_cast<uint64_t>(next_->integer(0)),
                     static_cast<uint64_t>(next_->integer(2))};
  next_->reset();
  return place;
}

base::Result<std::optional<audit::Place>> ShardReader::place_of(uint64_t index) {
  find_place_->bind(1, static_cast<int64_t>(index));
  std::optional<audit::Place> place;
  if (HV_TRY(find_place_->step()))
    place = audit::Place{index, segment_, static_cast<uint64_t>(find_place_->integer(0))};
  find_place_->reset();
  return place;
}

base::Result<Span> ShardReader::narrowed(Span span) {
  if (!span.since && !span.until) return span;
  spans_->bind(1, span.since ? nanoseconds(*span.since) : INT64_MIN);
  spans_->bind(2, span.until ? nanoseconds(*span.until) : INT64_MAX);
  (void)HV_TRY(spans_->step());
  auto first = static_cast<uint64_t>(spans_->integer(0));
  auto last = static_cast<uint64_t>(spans_->integer(1));
  bool none = spans_->text(1).empty();
  spans_->reset();
  if (none) return Span{1, 0, {}, {}};
  span.from = std::max(span.from, first);
  span.before = std::min(span.before, last + 1);
  return span;
}

base::Status ShardReader::find(const std::string& expression, const Span& asked, bool newest_first,
                               const std::function<base::Result<bool>(const audit::Place&)>& visit) {
  Span span = HV_TRY(narrowed(asked));
  if (span.from >= span.before) return {};
  constexpr uint64_t kLargest = INT64_MAX;
  Statement& statement = expression.empty() ? newest_first ? *list_newest_ : *list_oldest_
                         : newest_first     ? *newest_
                                            : *oldest_;
  if (!expression.empty()) statement.bind(1, expression);
  statement.bind(2, static_cast<int64_t>(std::min(span.from, kLargest)));
  statement.bind(3, static_cast<int64_t>(std::min(span.before - 1, kLargest)));
  base::Status status;
  for (;;) {
    base::Result<bool> row = statement.step();
    if (!row) status = base::Failure(std::move(row).error());
    if (!row || !*row) break;
    auto place = place_of(static_cast<uint64_t>(statement.integer(0)));
    base::Result<bool> more = !place   ? base::Result<bool>(base::Failure(place.error()))
                              : *place ? visit(**place)
                                       : base::Failure(base::io_error("the ledger's index: an entry has no place"));
    if (!more) status = base::Failure(std::move(more).error());
    if (!more || !*more) break;
  }
  statement.reset();
  return status;
}

}  // namespace hv::index
