// The index of one segment of the journal: a SQLite file with a full-text index of terms (terms.h), the place of each
// record and the times that blocks of records span. While the segment grows the shard follows it; afterwards it is
// sealed under a checksum and never written again. Anything wrong with it is an error, upon which it is made anew.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "audit/journal_stream.h"
#include "base/clock.h"
#include "index/database.h"

namespace hv::index {

// Bounds of a search: entries of [from, before) whose times may lie in [since, until).
struct Span {
  uint64_t from = 0;
  uint64_t before = UINT64_MAX;
  std::optional<base::WallTime> since{};
  std::optional<base::WallTime> until{};
};

class ShardWriter {
 public:
  // Opens what is there and fits this journal (`ledger` is its directory), or begins anew.
  static base::Result<ShardWriter> open(const std::string& path, const std::string& ledger, uint64_t segment);
  // The record that comes next.
  const audit::Place& next() const { return next_; }
  // In one transaction, until commit().
  base::Status add(const audit::Entry& entry, const audit::Place& place, bool with_payload);
  // `next`: the place behind the last one added.
  base::Status commit(const audit::Place& next);
  // The segment is complete: what was written in many steps becomes one, which makes finding faster.
  base::Status merge();
  // Closes and writes the checksum that says so. No reader has it open.
  static base::Status seal(ShardWriter writer);

 private:
  ShardWriter(std::string path, Database database) : path_(std::move(path)), database_(std::move(database)) {}
  base::Status prepare(const std::string& ledger, uint64_t segment);
  base::Status flush_block();
  std::string path_;
  Database database_;
  audit::Place next_;
  bool open_transaction_ = false;
  std::string last_envelope_;  // of the last one added
  struct Block {
    uint64_t first = 0;
    uint64_t last = 0;
    int64_t earliest = 0;
    int64_t latest = 0;
    uint64_t count = 0;
  } block_;
  std::optional<Statement> insert_words_;
  std::optional<Statement> insert_place_;
  std::optional<Statement> insert_block_;
  std::optional<Statement> update_next_;
};

class ShardReader {
 public:
  // `sealed`: nobody writes it any more; its checksum was compared before.
  static base::Result<ShardReader> open(const std::string& path, bool sealed);
  // The place behind the last entry that it knows.
  base::Result<audit::Place> next();
  // Calls `visit` with the places of entries that may fit, in the order asked for, until it returns false. An empty
  // expression fits all.
  base::Status find(const std::string& expression, const Span& span, bool newest_first,
                    const std::function<base::Result<bool>(const audit::Place&)>& visit);
  // Where an entry lies; nullopt for one that is not in it.
  base::Result<std::optional<audit::Place>> place_of(uint64_t index);

 private:
  explicit ShardReader(Database database) : database_(std::move(database)) {}
  base::Result<Span> narrowed(Span span);
  Database database_;
  uint64_t segment_ = 0;
  std::optional<Statement> find_place_;
  std::optional<Statement> newest_;
  std::optional<Statement> oldest_;
  std::optional<Statement> list_newest_;
  std::optional<Statement> list_oldest_;
  std::optional<Statement> spans_;
  std::optional<Statement> next_;
};

// True when the file's checksum is there and right.
bool is_sealed(const std::string& path);
void remove_shard(const std::string& path);

}  // namespace hv::index
