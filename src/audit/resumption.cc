#include "audit/resumption.h"

#include <algorithm>

#include <sys/stat.h>

#include "audit/reader.h"
#include "audit/tile_tree.h"
#include "base/fd.h"
#include "base/format.h"

namespace hv::audit {

namespace {

constexpr std::string_view kVerifyHint =
    "run 'hydravisor audit verify'; to begin a new ledger, move this directory elsewhere and keep it";

// Writes what is missing, cut short or has a hole, as a power cut leaves it. What else has other bytes was changed by
// somebody: it stays, for verify to find.
class MissingFilesOnly final : public FileLayer {
 public:
  explicit MissingFilesOnly(FileLayer& files) : files_(files) {}
  base::Status replace(const std::string& path, std::string_view data, bool durable) override {
    struct stat about{};
    bool complete = ::stat(path.c_str(), &about) == 0 && static_cast<size_t>(about.st_size) == data.size();
    if (complete && !has_hole(base::read_file(path).value_or(""))) return {};
    return files_.replace(path, data, durable);
  }
  base::Status remove_tree(const std::string&) override { return {}; }

 private:
  FileLayer& files_;
};

// Tiles are not waited for, so that a power cut may have lost the newest; older ones reached the disk long ago.
bool newest_tiles_are_there(const std::string& directory, uint64_t size, uint64_t first) {
  constexpr uint64_t kNewest = 16;
  TileTree tree(directory, size);
  for (int level = 0; level_size(size, level) > 0; ++level) {
    uint64_t full = level_size(size, level) / kTileWidth;
    for (uint64_t index = full - std::min(full, kNewest); index < full; ++index)
      if (!tree.tile(level, index) || (level == 0 && index >= first / kTileWidth && !tree.bundle(index))) return false;
  }
  return true;
}

}  // namespace

base::Result<Checkpoint> read_checkpoint(const std::string& directory, const KeyStore& keys) {
  std::string path = directory + "/checkpoint";
  if (!base::path_exists(path)) return Checkpoint{keys.origin(), 0, root_of({})};
  auto fail = [&](std::string_view why) {
    return base::Failure(
        base::conflict(base::format("open the ledger: {}: {}", path, why)).with_hint(std::string(kVerifyHint)));
  };
  std::string text = HV_TRY_CONTEXT(base::read_file(path, 65536), "open the ledger");
  base::Result<Note> note = Note::parse(text);
  if (!note) return fail(note.error().message());
  base::Result<Checkpoint> checkpoint = Checkpoint::parse_text(note->text);
  if (!checkpoint) return fail(checkpoint.error().message());
  const std::optional<Handover>& handover = keys.last_handover();
  bool handed_over = handover && handover->size == checkpoint->size && handover->root == checkpoint->root;
  if (checkpoint->origin != keys.origin() || !(note->signed_by(keys.verifier()) || handed_over))
    return fail("it is not signed by this ledger's key");
  if (handover && checkpoint->size < handover->size) return fail("it is older than the last change of keys");
  return checkpoint;
}

std::pair<SpoolIndex, uint64_t> read_spool_marks(const std::string& directory,
                                                 const std::vector<SegmentFile>& segments) {
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    base::Result<std::string> text =
        base::read_file(directory + "/journal/" + SpoolIndex::file_name(segment->first_index));
    if (!text) continue;
    if (base::Result<SpoolIndex> marks = SpoolIndex::decode(*text)) return {*std::move(marks), segment->first_index};
  }
  return {SpoolIndex{}, 0};
}

base::Result<TreeWriter> rebuild_tree(const std::string& directory, FileLayer& files, const Checkpoint& sealed,
                                      uint64_t size) {
  base::Result<TreeWriter> tree = TreeWriter::resume(directory, files, sealed.size, sealed.root);
  MissingFilesOnly missing(files);
  uint64_t first = first_entry(HV_TRY(list_segments(directory)));
  if (!tree || !newest_tiles_are_there(directory, sealed.size, first)) {
    tree = TreeWriter(directory, missing);
    tree->keep_hashes_below(first);
    if (first > 0) HV_TRY_CONTEXT(append_pruned_prefix(*tree, directory, sealed.size, first), "open the ledger");
  }
  Reader reader(directory);
  Query rest;
  rest.from = tree->size();
  rest.before = size;
  bool agrees = true;
  HV_TRY(reader.scan(rest, [&](const Entry& entry) {
    tree->append(entry.envelope_text);
    // What cannot be written now stays in the writer until the next seal.
    if (tree->size() < sealed.size && tree->size() % kTileWidth == 0) (void)tree->flush();
    if (tree->size() == sealed.size) {
      agrees = tree->root() == sealed.root;
      if (agrees) (void)tree->publish();
    }
    return agrees;
  }));
  tree->use(files);
  tree->keep_hashes_below(first);
  if (!agrees || tree->size() != size)
    return base::Failure(
        base::conflict(
            base::format("open the ledger: {}: its entries do not have the root of its checkpoint", directory))
            .with_hint(std::string(kVerifyHint)));
  return tree;
}

}  // namespace hv::audit
