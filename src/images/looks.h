// Looks at the disk that are remembered with what their answers depend on, so that a result made from many can be used
// again after a check of few: whether a name is absent is decided by its directory's time, not by asking for it again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "base/result.h"

namespace hv::images {

class Looks {
 public:
  // stat(2) and lstat(2); nothing when that fails.
  std::optional<struct stat> target(const std::string& path);
  std::optional<struct stat> link(const std::string& path);
  bool exists(const std::string& path) { return link(path).has_value(); }
  bool is_directory(const std::string& path);
  // A regular file that the caller may execute.
  bool is_program(const std::string& path);
  // The content of `path`, or the names in it, will be used.
  void at_content(const std::string& path);
  base::Result<std::string> read(const std::string& path, size_t limit);

  // Whether every look would give the same answer now. Costs a stat(2) for each place that was found and for each
  // directory in which something was missed.
  bool hold() const;
  // False when a place had changed so shortly before it was looked at that a further change would not show in its time.
  bool settled() const { return settled_; }

 private:
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t stamp = 0;  // nanoseconds; 0 where only the place matters
    bool operator==(const Identity&) const = default;
  };
  enum class Kind { link, place, content };
  static std::optional<Identity> identify(const std::string& path, Kind kind);
  void note(const std::string& path, Kind kind, const struct stat& about);
  void note_absent(std::string_view path);

  std::map<std::pair<std::string, Kind>, Identity> seen_;
  bool settled_ = true;
};

}  // namespace hv::images
