// What the ledger was told of a sandbox's files when it stopped last, so that the next stop tells only what came since:
// a sandbox that is started again keeps its changes.
//
// The file: a heading "hydravisor files 1 INSTANT ALL", INSTANT in nanoseconds and ALL 1 when every path is listed,
// then a line for each path that differed from the host's: "TYPE MODE UID GID SIZE MTIME CTIME INODE PATH", TYPE one of
// f d l o (other) - (gone), MODE in octal, PATH in hex.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workspace/tree.h"

namespace hv::workspace {

class SeenFiles {
 public:
  // Beyond this many paths the instant alone decides about the rest: what changed later by the file system's own clock,
  // which an agent cannot set, is new.
  static constexpr size_t most_paths = 500'000;

  // An absent file: nothing was told yet.
  static base::Result<SeenFiles> load(const std::string& file);
  base::Status save(const std::string& file) const;

  SeenFiles() = default;
  // As of `instant`, nanoseconds since the epoch; what is set from now on is what there was then.
  explicit SeenFiles(int64_t instant) : instant_(instant) {}
  // nullopt: there is nothing at the path any more.
  void set(const std::string& path, const std::optional<Entry>& entry);
  // The user took these back, and what is below them: the agent has not.
  void forget(const std::vector<std::string>& paths);

  using Paths = std::map<std::string, std::optional<Entry>, std::less<>>;
  const Paths& paths() const { return paths_; }
  // Whether a path that is not listed, and is now as `entry` says, was told about.
  bool is_covered(const Entry& entry) const { return !complete_ && entry.ctime <= instant_; }

 private:
  int64_t instant_ = 0;
  bool complete_ = true;
  Paths paths_;
};

// Whether nothing was done to the file in between.
bool is_same(const Entry& before, const Entry& after);

}  // namespace hv::workspace
