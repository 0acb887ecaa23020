#include "audit/tile_tree.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr std::string_view kProofTitle = "c2sp.org/tlog-proof@v1";

std::string numbered_path(std::string_view prefix, uint64_t index, uint64_t width) {
  std::string path = base::format("{:03}", index % 1000);
  for (uint64_t rest = index / 1000; rest > 0; rest /= 1000) path = base::format("x{:03}/{}", rest % 1000, path);
  path = base::format("tile/{}/{}", prefix, path);
  if (width < kTileWidth) path += base::format(".p/{}", width);
  return path;
}

}  // namespace

std::string tile_path(int level, uint64_t index, uint64_t width) {
  return numbered_path(std::to_string(level), index, width);
}
std::string entries_path(uint64_t index, uint64_t width) {
  return numbered_path("entries", index, width);
}

uint64_t level_size(uint64_t size, int level) {
  return level > 7 ? 0 : size >> (8 * level);
}

bool has_hole(std::string_view tile) {
  constexpr size_t kSector = 512;
  for (size_t at = 0; at + kSector <= tile.size(); at += kSector)
    if (tile.substr(at, kSector).find_first_not_of('\0') == std::string_view::npos) return true;
  return false;
}

uint64_t TileTree::width_of(int level, uint64_t index) const {
  uint64_t hashes = level_size(size_, level);
  return std::min(kTileWidth, hashes - std::min(hashes, index * kTileWidth));
}

base::Result<std::string> TileTree::read(const std::string& full, const std::string& partial) const {
  // A partial tile goes away once the full one is there.
  if (full != partial)
    if (base::Result<std::string> found = base::read_file(directory_ + "/" + partial)) return found;
  return base::read_file(directory_ + "/" + full);
}

base::Result<std::vector<Digest>> TileTree::tile(int level, uint64_t index) const {
  uint64_t width = width_of(level, index);
  std::string path = tile_path(level, index, width);
  if (width == 0) return base::Failure(base::not_found(base::format("{}: beyond the tree of {} entries", path, size_)));
  std::string data = HV_TRY_CONTEXT(read(tile_path(level, index), path), "read tile");
  if (has_hole(data)) return base::Failure(base::io_error(path + ": a part of it is zeros"));
  std::vector<Digest> hashes(width);
  if (data.size() % hashes[0].size() != 0 || data.size() < width * hashes[0].size())
    return base::Failure(base::io_error(base::format("{}: {} bytes, expected {} hashes", path, data.size(), width)));
  for (size_t i = 0; i < width; ++i)
    std::copy_n(data.begin() + static_cast<ptrdiff_t>(i * hashes[i].size()), hashes[i].size(), hashes[i].begin());
  return hashes;
}

base::Result<std::vector<std::string>> TileTree::bundle(uint64_t index) const {
  uint64_t width = width_of(0, index);
  std::string path = entries_path(index, width);
  if (width == 0) return base::Failure(base::not_found(base::format("{}: beyond the tree of {} entries", path, size_)));
  std::string data = HV_TRY_CONTEXT(read(entries_path(index), path), "read entries");
  if (has_hole(data)) return base::Failure(base::io_error(path + ": a part of it is zeros"));
  std::vector<std::string> entries;
  std::string_view rest = data;
  while (entries.size() < width) {
    size_t size =
        rest.size() < 2 ? SIZE_MAX : size_t{static_cast<uint8_t>(rest[0])} << 8 | static_cast<uint8_t>(rest[1]);
    if (size > rest.size() - std::min<size_t>(rest.size(), 2))
      return base::Failure(
          base::io_error(base::format("{}: ends after {} of {} entries", path, entries.size(), width)));
    entries.emplace_back(rest.substr(2, size));
    rest.remove_prefix(2 + size);
  }
  return entries;
}

base::Result<std::string> TileTree::entry(uint64_t index) const {
  std::vector<std::string> entries = HV_TRY(bundle(index / kTileWidth));
  if (index % kTileWidth >= entries.size()) return base::Failure(base::not_found(base::format("entry {}", index)));
  return std::move(entries[index % kTileWidth]);
}

base::Result<Digest> TileTree::leaf(uint64_t index) const {
  return subtree(index, index + 1);
}

base::Result<Digest> TileTree::subtree(uint64_t lo, uint64_t hi) const {
  uint64_t count = hi - lo;
  if (std::has_single_bit(count) && lo % count == 0) {
    int height = std::countr_zero(count);
    int level = height / 8;
    uint64_t first = lo >> (8 * level);
    std::vector<Digest> hashes = HV_TRY(tile(level, first / kTileWidth));
    auto begin = hashes.begin() + static_cast<ptrdiff_t>(first % kTileWidth);
    ptrdiff_t wanted = ptrdiff_t{1} << (height % 8);
    if (hashes.end() - begin < wanted) return base::Failure(base::io_error("a tile is too short"));
    return root_of(std::vector<Digest>(begin, begin + wanted));
  }
  uint64_t middle = lo + std::bit_floor(count);
  Digest left = HV_TRY(subtree(lo, middle));
  Digest right = HV_TRY(subtree(middle, hi));
  return node_hash(left, right);
}

base::Result<Digest> TileTree::root() const {
  if (size_ == 0) return root_of({});
  return subtree(0, size_);
}

base::Result<std::vector<Digest>> TileTree::inclusion(uint64_t index) const {
  if (index >= size_)
    return base::Failure(
        base::not_found(base::format("entry {} is not in the sealed tree of {} entries", index, size_)));
  std::optional<base::Error> failure;
  std::vector<Digest> proof = inclusion_proof(index, size_, [&](uint64_t lo, uint64_t hi) {
    base::Result<Digest> found = subtree(lo, hi);
    if (!found) failure = found.error();
    return found.value_or(Digest{});
  });
  if (failure) return base::Failure(*std::move(failure));
  return proof;
}

base::Result<std::vector<Digest>> TileTree::consistency(uint64_t old_size) const {
  if (old_size == 0 || old_size > size_)
    return base::Failure(base::invalid_argument(base::format("no consistency proof from {} to {}", old_size, size_)));
  std::optional<base::Error> failure;
  std::vector<Digest> proof = consistency_proof(old_size, size_, [&](uint64_t lo, uint64_t hi) {
    base::Result<Digest> found = subtree(lo, hi);
    if (!found) failure = found.error();
    return found.value_or(Digest{});
  });
  if (failure) return base::Failure(*std::move(failure));
  return proof;
}

std::string EntryProof::text() const {
  std::string text = base::format("{}\nindex {}\n", kProofTitle, index);
  for (const Digest& hash : hashes) text += base::to_base64(base::as_view(hash)) + "\n";
  return text + "\n" + checkpoint;
}

base::Result<EntryProof> prove_entry(const std::string& directory, uint64_t index) {
  EntryProof proof;
  proof.index = index;
  proof.checkpoint = HV_TRY_CONTEXT(base::read_file(directory + "/checkpoint"), "prove entry");
  Note note = HV_TRY(Note::parse(proof.checkpoint));
  Checkpoint checkpoint = HV_TRY(Checkpoint::parse_text(note.text));
  TileTree tree(directory, checkpoint.size);
  proof.hashes = HV_TRY_CONTEXT(tree.inclusion(index), "prove entry");
  proof.envelope = HV_TRY_CONTEXT(tree.entry(index), "prove entry");
  if (!check_inclusion(leaf_hash(proof.envelope), index, checkpoint.size, proof.hashes, checkpoint.root))
    return base::Failure(
        base::conflict(base::format("prove entry {}: the published tiles do not lead to the checkpoint's root", index))
            .with_hint("run 'hydravisor audit verify' to see what was changed"));
  return proof;
}

base::Result<EntryProof> parse_proof(std::string_view text) {
  auto bad = [](std::string_view why) { return base::Failure(base::invalid_argument(base::format("proof: {}", why))); };
  auto next_line = [&]() -> std::optional<std::string_view> {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
  };
  if (next_line() != kProofTitle) return bad("it does not begin with c2sp.org/tlog-proof@v1");
  std::optional<std::string_view> line = next_line();
  if (line && line->starts_with("extra ")) line = next_line();
  if (!line || !line->starts_with("index ")) return bad("no index");
  line->remove_prefix(6);
  EntryProof proof;
  auto [end, code] = std::from_chars(line->data(), line->data() + line->size(), proof.index);
  if (code != std::errc{} || end != line->data() + line->size()) return bad("its index is not a number");
  for (line = next_line(); line && !line->empty(); line = next_line()) {
    std::string hash = HV_TRY_CONTEXT(base::from_base64(*line), "proof");
    if (hash.size() != 32 || proof.hashes.size() == 64) return bad("not a list of SHA-256 hashes");
    proof.hashes.emplace_back();
    std::ranges::copy(hash, proof.hashes.back().begin());
  }
  if (!line) return bad("no checkpoint");
  proof.checkpoint = text;
  return proof;
}

bool check_proof(const EntryProof& proof, const VerifierKey& key) {
  base::Result<Note> note = Note::parse(proof.checkpoint);
  if (!note || !note->signed_by(key)) return false;
  base::Result<Checkpoint> checkpoint = Checkpoint::parse_text(note->text);
  return checkpoint && checkpoint->origin == key.name &&
         check_inclusion(leaf_hash(proof.envelope), proof.index, checkpoint->size, proof.hashes, checkpoint->root);
}

}  // namespace hv::audit
