// A repository's refs read from its files, without git: packed-refs, loose refs and HEAD, on the host and as the
// sandbox sees them through its overlay. Nothing the sandbox wrote is run or obeyed; a name or an id that is malformed
// is skipped.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "workspace/tree.h"

namespace hv::workspace {

// A file or directory of two layers as overlayfs merges them. `upper` may be null: the host's view.
struct Layers {
  const Tree* lower = nullptr;  // null: the host has nothing here
  const Tree* upper = nullptr;

  base::Result<std::optional<std::string>> read(std::string_view path, size_t limit) const;
  base::Result<std::vector<std::string>> list(std::string_view path) const;
  base::Result<std::optional<Entry>> stat(std::string_view path) const;
  // Whether the sandbox wrote or removed something at `path` or above it.
  bool touched(std::string_view path) const;

 private:
  bool lower_shows(std::string_view path) const;
};

using Refs = std::map<std::string, std::string>;  // full name -> object id in hex

// refs/heads, refs/tags, refs/notes and refs/remotes; `directory` is the common directory as a path of the layers.
// Symbolic refs are left out.
base::Result<Refs> read_refs(const Layers& layers, const std::string& directory);
// "ref: refs/heads/main" or an id; empty when there is none.
base::Result<std::string> read_head(const Layers& layers, const std::string& directory);
// The branch of a HEAD's text, empty when detached.
std::string branch_of(std::string_view head);

bool is_object_id(std::string_view text);
// git-check-ref-format(1), and in one of the four name spaces above.
bool is_transferable_ref(std::string_view name);

}  // namespace hv::workspace
