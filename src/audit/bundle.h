// A part of a ledger that can be checked elsewhere, with nothing but the ledger's first public key: a signed
// checkpoint, the keys that lead to it, and entries, each with its payload and its proof. JSON lines; grammar in
// docs/ledger-format.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audit/key_store.h"
#include "audit/note.h"
#include "audit/reader.h"
#include "audit/report.h"
#include "audit/tile_tree.h"
#include "base/result.h"

namespace hv::audit {

// All its lines are of one checkpoint, the one that was there when it began.
class BundleWriter {
 public:
  // not_found when nothing is sealed yet. `remembered`: a checkpoint from before, as signed note; the bundle then
  // proves that the ledger continues it. conflict when it does not.
  static base::Result<BundleWriter> begin(const std::string& directory, const std::optional<std::string>& remembered);
  // Entries below this can be in it.
  uint64_t size() const { return checkpoint_.size; }
  // The lines, each with its newline: once, for every entry in the order of their indexes, and once.
  const std::string& header() const { return header_; }
  base::Result<std::string> line(const Entry& entry);
  std::string end() const;

 private:
  BundleWriter(const std::string& directory, Checkpoint checkpoint)
      : checkpoint_(std::move(checkpoint)), tree_(directory, checkpoint_.size) {}
  Checkpoint checkpoint_;
  TileTree tree_;
  std::string header_;
  uint64_t lines_ = 0;
};

// Reads a bundle line by line and says what is wrong with it.
class BundleChecker {
 public:
  // `first_key`: the key that its reader noted; without it the bundle's own is believed, and named in the report.
  explicit BundleChecker(std::optional<VerifierKey> first_key) : first_key_(std::move(first_key)) {}
  void line(std::string_view text);
  Report finish();

 private:
  void header(std::string_view text);
  void entry(std::string_view text);
  void add(ProblemKind kind, std::optional<Range> entries, std::string message);
  std::optional<VerifierKey> first_key_;
  Report report_;
  KeyChain chain_;
  uint64_t lines_ = 0;
  std::optional<uint64_t> last_;
  std::optional<uint64_t> ended_;
  bool readable_ = false;
};

// The whole file. Fails only when it cannot be read.
base::Result<Report> check_bundle(const std::string& path, const std::optional<VerifierKey>& first_key);

}  // namespace hv::audit
