#include "audit/tree_writer.h"

#include <bit>

#include "audit/tile_tree.h"
#include "base/check.h"
#include "base/fd.h"
#include "base/format.h"

namespace hv::audit {

namespace {

constexpr size_t kHashSize = sizeof(Digest);
constexpr size_t kKnownDirectories = 32;
constexpr size_t kFullTile = kTileWidth * kHashSize;

void put_entry(std::string& bundle, std::string_view entry) {
  HV_CHECK(entry.size() <= 0xffff);
  bundle.push_back(static_cast<char>(entry.size() >> 8));
  bundle.push_back(static_cast<char>(entry.size() & 0xff));
  bundle += entry;
}

}  // namespace

base::Result<TreeWriter> TreeWriter::resume(std::string directory, FileLayer& files, uint64_t size,
                                            const Digest& root) {
  TreeWriter writer(directory, files);
  TileTree tree(std::move(directory), size);
  for (int level = 7; level >= 0; --level) {
    uint64_t hashes = level_size(size, level);
    uint64_t width = hashes % kTileWidth;
    if (width == 0) continue;
    std::vector<Digest> tile = HV_TRY(tree.tile(level, hashes / kTileWidth));
    for (const Digest& hash : tile) writer.levels_[static_cast<size_t>(level)] += base::as_view(hash);
    // The bits of the width are the complete subtrees that stand at the tree's right edge, largest first.
    size_t used = 0;
    for (int bit = 7; bit >= 0; --bit) {
      size_t count = size_t{1} << bit;
      if ((width & count) == 0) continue;
      auto begin = tile.begin() + static_cast<ptrdiff_t>(used);
      Digest node = root_of(std::vector<Digest>(begin, begin + static_cast<ptrdiff_t>(count)));
      writer.range_.append_subtree(node, 8 * level + bit);
      used += count;
    }
  }
  std::vector<std::string> entries;
  if (size % kTileWidth != 0) entries = HV_TRY(tree.bundle(size / kTileWidth));
  for (size_t i = 0; i < entries.size(); ++i) {
    // No root covers the bundle itself, and what stands in it would be published again.
    if (writer.levels_[0].compare(i * kHashSize, kHashSize, base::as_view(leaf_hash(entries[i]))) != 0)
      return base::Failure(base::conflict(base::format("{}: its entries do not have the hashes of their tile",
                                                       entries_path(size / kTileWidth, size % kTileWidth))));
    put_entry(writer.bundle_, entries[i]);
  }
  if (writer.size() != size || writer.root() != root)
    return base::Failure(
        base::conflict(base::format("the published tiles do not have the root of the checkpoint of size {}", size)));
  return writer;
}

void TreeWriter::append(std::string_view entry, const Digest& leaf) {
  put_entry(bundle_, entry);
  uint64_t index = size();
  append_leaf(leaf);
  if (size() % kTileWidth != 0) return;
  std::string path = entries_path(index / kTileWidth);
  full_.push_back({path, std::move(bundle_), path + ".p", is_only_copy(index / kTileWidth)});
  bundle_.clear();
}

void TreeWriter::append_pruned(const Digest& leaf) {
  append_leaf(leaf);
  bundle_.clear();
}

void TreeWriter::append_leaf(const Digest& leaf) {
  // The tile of the leaf first: a node of height 8 belongs to the level above.
  push(0, leaf);
  range_.append(leaf, [&](int height, const Digest& node) {
    if (height % 8 == 0 && height < 64) push(height / 8, node);
  });
}

void TreeWriter::push(int level, const Digest& hash) {
  std::string& tile = levels_[static_cast<size_t>(level)];
  tile += base::as_view(hash);
  if (tile.size() < kFullTile) return;
  // The tree's size does not count this leaf yet.
  uint64_t index = size() >> (8 * (level + 1));
  std::string path = tile_path(level, index);
  full_.push_back({path, std::move(tile), path + ".p", level == 0 && is_only_copy(index)});
  tile.clear();
}

bool TreeWriter::is_only_copy(uint64_t tile) const {
  return tile * kTileWidth < only_here_;
}

base::Status TreeWriter::write(const File& file) {
  std::string path = directory_ + "/" + file.path;
  std::string parent = path.substr(0, path.rfind('/'));
  if (!known_directories_.contains(parent)) {
    HV_TRY_CONTEXT(files_->make_directories(parent), "publish the ledger's tree");
    // Few are written to at a time; partial tiles have one each.
    if (known_directories_.size() >= kKnownDirectories) known_directories_.clear();
    known_directories_.insert(parent);
  }
  HV_TRY_CONTEXT(files_->replace(path, file.data, file.durable), "publish the ledger's tree");
  // Allowed once the full tile is there; a leftover harms nobody.
  if (!file.replaces.empty()) {
    (void)files_->remove_tree(directory_ + "/" + file.replaces);
    known_directories_.erase(directory_ + "/" + file.replaces);
  }
  return {};
}

base::Status TreeWriter::flush() {
  for (; !full_.empty(); full_.pop_front()) HV_TRY(write(full_.front()));
  return {};
}

base::Status TreeWriter::publish() {
  HV_TRY(flush());
  for (int level = 0; level < 8; ++level) {
    const std::string& tile = levels_[static_cast<size_t>(level)];
    if (tile.empty()) continue;
    uint64_t index = level_size(size(), level) / kTileWidth;
    HV_TRY(write({tile_path(level, index, tile.size() / kHashSize), tile, {}, level == 0 && is_only_copy(index)}));
  }
  uint64_t width = size() % kTileWidth;
  uint64_t last = size() / kTileWidth;
  if (width != 0) HV_TRY(write({entries_path(last, width), bundle_, {}, is_only_copy(last)}));
  return {};
}

base::Status append_pruned_prefix(TreeWriter& writer, const std::string& directory, uint64_t size, uint64_t end,
                                  const std::function<void()>& after_each) {
  TileTree tree(directory, size);
  auto missing = [](uint64_t tile) {
    return base::Failure(base::conflict(
        base::format("the entries of tile {} were pruned, and the tile does not have their hashes", tile)));
  };
  for (uint64_t tile = 0; tile * kTileWidth < end; ++tile) {
    uint64_t first = tile * kTileWidth;
    uint64_t count = std::min(kTileWidth, end - first);
    std::vector<Digest> leaves = HV_TRY(tree.tile(0, tile));
    std::vector<std::string> entries;
    if (count < kTileWidth) entries = HV_TRY(tree.bundle(tile));
    if (leaves.size() < count || (!entries.empty() && entries.size() < count)) return missing(tile);
    for (uint64_t i = 0; i < count; ++i) {
      if (entries.empty()) {
        writer.append_pruned(leaves[i]);
      } else {
        if (leaf_hash(entries[i]) != leaves[i]) return missing(tile);
        writer.append(entries[i], leaves[i]);
      }
      if (after_each) after_each();
    }
  }
  return {};
}

}  // namespace hv::audit
