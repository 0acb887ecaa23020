// What the sandbox is known to have seen of the host's tree, so that apply can tell an edit of the host from the
// sandbox's own.
//
// The file `baseline` holds the instant at which the sandbox began and, for paths that were exchanged since (applied,
// undone, synced), the identity the host's file had then. A host file counts as changed when its ctime is later than
// the beginning, or when it is no longer the recorded one. ctime cannot be set back by touch, cp -p or tar; a chmod or
// a rewrite with the same bytes also moves it, so a conflict can be false, but an edit made on the host is never
// missed. What was recorded by sync counts as seen inside.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "workspace/tree.h"

namespace hv::workspace {

class Baseline {
 public:
  // Begins the file at `path` with the present instant, unless it exists. Called before the sandbox's first process
  // runs.
  static base::Status begin(const std::string& path);
  // An absent file means: began when `upper` was made.
  static base::Result<Baseline> load(const std::string& path, const Tree& upper);
  // Records to be appended together. `host` is nullopt when the host has nothing at `path` any more.
  class Notes {
   public:
    // `inside`: the sandbox's own copy, when it has the same content as the host's.
    void add(std::string_view path, const std::optional<Entry>& host, const std::optional<Entry>& inside = {});
    base::Status append_to(const std::string& file) const;

   private:
    std::string lines_;
  };

  // The file's first line.
  static std::string heading_for(int64_t began);

  explicit Baseline(int64_t began) : began_(began) {}
  void set(std::string path, const std::optional<Entry>& host, const std::optional<Entry>& inside = {});
  // Whether the host changed what lies at `path` after the sandbox last saw it. Not meaningful for directories, whose
  // ctime moves with every entry: see directory_changed().
  bool changed(std::string_view path, const Entry& host) const;
  // Whether a directory's own mode or owner changed, as far as its times tell.
  bool directory_changed(std::string_view path, const Entry& host) const;
  // Whether entries may have come or gone in a directory.
  bool entries_changed(std::string_view path, const Entry& host) const { return changed(path, host); }
  // Whether the sandbox's copy is still the one that was the same as the host's when they last agreed: then it is no
  // change of the sandbox's.
  bool untouched_inside(std::string_view path, const Entry& inside) const;
  int64_t began() const { return began_; }

 private:
  struct Seen {
    int64_t ctime = 0;
    uint64_t inode = 0;
    int64_t inside_ctime = 0;
    uint64_t inside_inode = 0;
  };
  int64_t began_ = 0;
  std::map<std::string, Seen, std::less<>> seen_;
};

}  // namespace hv::workspace
