#include "audit/damage.h"

#include <algorithm>
#include <map>

#include "audit/compare.h"
#include "audit/frame.h"
#include "audit/segment.h"
#include "audit/segment_bytes.h"
#include "audit/tile_tree.h"
#include "base/format.h"

namespace hv::audit {

namespace {

// Of every record that can be found in the journal, in its order.
std::vector<Digest> found_leaves(const std::string& directory) {
  std::vector<Digest> leaves;
  base::Result<std::vector<SegmentFile>> files = list_segments(directory);
  if (!files) return leaves;
  for (const SegmentFile& file : *files) {
    base::Result<SegmentBytes> source = SegmentBytes::open(directory, file.first_index);
    std::string bytes;
    // What could be read of a damaged archive is looked at as well.
    if (source) (void)source->read(0, SIZE_MAX, bytes);
    std::string_view all = bytes;
    size_t at = kSegmentHeaderSize;
    while (at < all.size()) {
      FrameResult result = decode_frame(all.substr(at));
      if (result.fault == FrameFault::none || result.fault == FrameFault::bad_envelope) {
        leaves.push_back(leaf_hash(result.frame.envelope));
        at += result.frame.size();
        continue;
      }
      // Behind lengths that cannot be believed, the next sound record is looked for.
      std::optional<size_t> next = find_frame(all, at + 1);
      if (!next) break;
      at = *next;
    }
  }
  return leaves;
}

// Level-0 tiles that the signed root vouches for: the right edge by the root itself, every full tile by its parent.
class AuthenticTiles {
 public:
  AuthenticTiles(std::string directory, const Checkpoint& checkpoint) : tree_(std::move(directory), checkpoint.size) {
    base::Result<Digest> root = tree_.root();
    edge_ = root && *root == checkpoint.root;
  }
  bool any() const { return edge_; }
  std::optional<std::vector<Digest>> tile(int level, uint64_t index) {
    if (!edge_ || level > 7) return std::nullopt;
    if (level > 0)
      if (auto known = known_.find({level, index}); known != known_.end()) return known->second;
    std::optional<std::vector<Digest>> result;
    base::Result<std::vector<Digest>> hashes = tree_.tile(level, index);
    if (hashes && hashes->size() < kTileWidth) {
      result = *std::move(hashes);
    } else if (hashes) {
      std::optional<Digest> expected = parent_hash(level, index);
      if (expected && root_of(*hashes) == *expected) result = *std::move(hashes);
    }
    if (level > 0) known_[{level, index}] = result;
    return result;
  }
  // The root of a full tile, as its parent has it.
  std::optional<Digest> parent_hash(int level, uint64_t index) {
    std::optional<std::vector<Digest>> parent = tile(level + 1, index / kTileWidth);
    if (!parent || index % kTileWidth >= parent->size()) return std::nullopt;
    return (*parent)[index % kTileWidth];
  }

 private:
  TileTree tree_;
  bool edge_ = false;
  std::map<std::pair<int, uint64_t>, std::optional<std::vector<Digest>>> known_;
};

}  // namespace

void find_damage(const std::string& directory, const std::optional<Checkpoint>& signed_checkpoint,
                 const std::vector<Promise>& promises, std::vector<Problem>& problems) {
  auto add = [&](ProblemKind kind, std::optional<Range> entries, std::string message) {
    problems.emplace_back(kind, entries, std::move(message));
  };
  std::vector<Digest> found = found_leaves(directory);
  uint64_t vouched = 0;  // entries below are right: a signed root over them agrees
  for (const Promise& promise : promises)
    if (promise.kept()) vouched = std::max(vouched, promise.size);
  if (!signed_checkpoint) {
    for (const Promise& promise : promises)
      if (!promise.kept() && promise.size > vouched)
        add(ProblemKind::rewritten, Range{vouched, promise.size - 1},
            base::format("these are not the entries that {} was signed for", promise.what));
    return;
  }
  const Checkpoint& checkpoint = *signed_checkpoint;
  AuthenticTiles tiles(directory, checkpoint);
  if (!tiles.any()) {
    Range range{vouched, checkpoint.size - 1};
    if (found.size() < checkpoint.size)
      add(ProblemKind::truncated, Range{found.size(), checkpoint.size - 1},
          base::format("the checkpoint covers {} entries, the journal holds {}", checkpoint.size, found.size()));
    add(ProblemKind::rewritten, range,
        base::format("somewhere in {} the journal is not what was sealed, and the published tiles cannot tell where: "
                     "they were changed too",
                     range_text(range)));
    return;
  }
  std::vector<Digest> sealed;
  std::vector<Range> unknown;
  for (uint64_t tile = 0; tile * kTileWidth < checkpoint.size; ++tile) {
    uint64_t first = tile * kTileWidth;
    uint64_t width = std::min(kTileWidth, checkpoint.size - first);
    std::optional<std::vector<Digest>> hashes = tiles.tile(0, tile);
    if (!hashes && found.size() >= first + width) {
      auto begin = found.begin() + static_cast<ptrdiff_t>(first);
      std::vector<Digest> own(begin, begin + static_cast<ptrdiff_t>(width));
      // The tile is wrong, but the journal agrees with the tile's parent.
      if (root_of(own) == tiles.parent_hash(0, tile)) hashes = std::move(own);
    }
    if (!hashes) {
      unknown.push_back({first, first + width - 1});
      hashes.emplace(width);
      for (uint64_t i = 0; i < width; ++i) (*hashes)[i] = base::sha256({"unknown", std::to_string(first + i)});
    }
    sealed.insert(sealed.end(), hashes->begin(), hashes->end());
  }
  // What was pruned is not missing; the verifier has looked at its hashes.
  uint64_t pruned =
      std::min<uint64_t>(first_entry(list_segments(directory).value_or(std::vector<SegmentFile>())), sealed.size());
  found.insert(found.begin(), sealed.begin(), sealed.begin() + static_cast<ptrdiff_t>(pruned));
  for (const Range& range : unknown)
    add(ProblemKind::rewritten, range,
        base::format("somewhere in {} the journal and the published tile were both changed", range_text(range)));
  for (const Difference& difference : compare_leaves(sealed, found, 0)) {
    const Range& range = difference.entries;
    bool is_unknown = std::ranges::any_of(
        unknown, [&](const Range& other) { return other.first <= range.first && range.last <= other.last; });
    if (is_unknown) continue;
    std::string_view what = difference.kind == ProblemKind::changed    ? "not what was sealed"
                            : difference.kind == ProblemKind::missing  ? "sealed, but gone from the journal"
                            : difference.kind == ProblemKind::inserted ? "never sealed, but stands among sealed entries"
                            : difference.kind == ProblemKind::truncated ? "sealed, but cut off the journal's end"
                                                                        : "sealed in another order";
    add(difference.kind, range, base::format("{}: {}", range_text(range), what));
  }
  for (const Promise& promise : promises)
    if (!promise.kept() && problems.empty())
      add(ProblemKind::rewritten, Range{promise.since, promise.size - 1},
          base::format("these are not the entries that {} was signed for", promise.what));
}

}  // namespace hv::audit
