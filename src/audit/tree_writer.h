// Derives the published tree from the entries: hashes them, writes full tiles as they fill and partial ones when asked
// to publish. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/file_layer.h"
#include "audit/merkle.h"
#include "base/result.h"

namespace hv::audit {

class TreeWriter {
 public:
  // An empty tree; what lies at the same places is overwritten.
  TreeWriter(std::string directory, FileLayer& files) : directory_(std::move(directory)), files_(&files) {}
  // The tree of `size` whose tiles were published before; conflict when they do not have this root.
  static base::Result<TreeWriter> resume(std::string directory, FileLayer& files, uint64_t size, const Digest& root);

  // From here on, files are written through this layer.
  void use(FileLayer& files) { files_ = &files; }
  uint64_t size() const { return range_.size(); }
  Digest root() const { return range_.root(); }
  void append(std::string_view entry) { append(entry, leaf_hash(entry)); }
  void append(std::string_view entry, const Digest& leaf);
  // An entry of which only the hash is left.
  void append_pruned(const Digest& leaf);
  // Entries below are gone or about to go from the journal: the tiles that hold their hashes are waited for.
  void keep_hashes_below(uint64_t end) { only_here_ = std::max(only_here_, end); }
  // Writes the tiles that became full. After a failure everything not yet written is kept for the next call.
  base::Status flush();
  // flush(), then the partial tiles of the present size: all that a checkpoint of this size needs.
  base::Status publish();

 private:
  struct File {
    std::string path;
    std::string data;
    std::string replaces;  // the directory of partial tiles that this one makes superfluous
    bool durable = false;
  };
  void push(int level, const Digest& hash);
  void append_leaf(const Digest& leaf);
  // A tile of leaves, or a bundle, that reaches below keep_hashes_below().
  bool is_only_copy(uint64_t tile) const;
  base::Status write(const File& file);

  std::string directory_;
  FileLayer* files_;
  CompactRange range_;
  std::array<std::string, 8> levels_;  // the hashes of each level's partial tile
  std::string bundle_;
  std::deque<File> full_;
  std::set<std::string> known_directories_;
  uint64_t only_here_ = 0;
};

// Appends entries [0, end), which were pruned from the journal, as the published tiles have them: their hashes, and the
// texts of those that share a bundle with entry `end`. `after_each` is called after every one. conflict when the tiles
// do not have them.
base::Status append_pruned_prefix(TreeWriter& writer, const std::string& directory, uint64_t size, uint64_t end,
                                  const std::function<void()>& after_each = {});

}  // namespace hv::audit
