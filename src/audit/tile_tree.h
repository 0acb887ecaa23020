// The published tree (c2sp.org/tlog-tiles): where its tiles lie, reading them, and the proofs that can be made of them
// alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/merkle.h"
#include "audit/note.h"
#include "base/result.h"

namespace hv::audit {

constexpr uint64_t kTileWidth = 256;

// "tile/0/x001/x234/067", and with ".p/W" when `width` is below 256.
std::string tile_path(int level, uint64_t index, uint64_t width = kTileWidth);
// "tile/entries/..." in the same way.
std::string entries_path(uint64_t index, uint64_t width = kTileWidth);
// How many hashes a tree of `size` has at this level, and how many of them stand in its last, partial tile.
uint64_t level_size(uint64_t size, int level);
// A sector of zeros, which a power cut can leave of what was written just before; no hash and no entry has one.
bool has_hole(std::string_view tile);

// Reads the tiles below a ledger's directory as the tree of one size. What it returns is authentic only when root() is
// that of a checkpoint whose signature was checked.
class TileTree {
 public:
  TileTree(std::string directory, uint64_t size) : directory_(std::move(directory)), size_(size) {}

  uint64_t size() const { return size_; }
  // The hashes of one tile: `width` of them, from the full tile when there is one.
  base::Result<std::vector<Digest>> tile(int level, uint64_t index) const;
  // The entries of one bundle.
  base::Result<std::vector<std::string>> bundle(uint64_t index) const;
  base::Result<std::string> entry(uint64_t index) const;
  base::Result<Digest> leaf(uint64_t index) const;
  // [lo, hi): a complete subtree, or one that ends at size().
  base::Result<Digest> subtree(uint64_t lo, uint64_t hi) const;
  base::Result<Digest> root() const;
  base::Result<std::vector<Digest>> inclusion(uint64_t index) const;
  base::Result<std::vector<Digest>> consistency(uint64_t old_size) const;

 private:
  uint64_t width_of(int level, uint64_t index) const;
  base::Result<std::string> read(const std::string& full, const std::string& partial) const;
  std::string directory_;
  uint64_t size_;
};

// A proof that one entry is in the ledger, which can be checked elsewhere with nothing but the ledger's public key.
struct EntryProof {
  uint64_t index = 0;
  std::string envelope;
  std::vector<Digest> hashes;
  std::string checkpoint;  // the signed note, as published
  // The text form of c2sp.org/tlog-proof.
  std::string text() const;
};
// not_found when the entry is not sealed yet. Checks the proof against the checkpoint's root, though not the
// checkpoint's signature.
base::Result<EntryProof> prove_entry(const std::string& directory, uint64_t index);

// Reads the text form: the hashes, the index and the checkpoint; the caller brings the envelope.
base::Result<EntryProof> parse_proof(std::string_view text);
// True when the proof's checkpoint is signed by `key` and holds the envelope at the index.
bool check_proof(const EntryProof& proof, const VerifierKey& key);

}  // namespace hv::audit
