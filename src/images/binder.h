// Collects what of the host must be visible inside at the same place. Every symbolic link on the way to a path is made
// again inside, so that a path works however it is spelled; what lies at its end is bound at its canonical place.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "images/looks.h"

namespace hv::images {

class Binder {
 public:
  // `covered`: canonical directories that are visible anyway. `home`: canonical; never bound, nor a directory with a
  // secret in it.
  Binder(std::vector<std::string> covered, std::string home) : covered_(std::move(covered)), home_(std::move(home)) {}

  // The canonical form of `path`, with every link on the way remembered. not_found when something on the way is
  // missing. `met` gets the canonical places of these links.
  base::Result<std::string> follow(std::string_view path, std::vector<std::string>* met = nullptr);
  // follow(), and binds what lies there, read-only. denied when that would show a secret; the error names it.
  base::Result<std::string> reach(std::string_view path);
  // The same for a path that the user named: only the home as a whole is refused.
  base::Result<std::string> grant(std::string_view path, bool writable);
  // True when `canonical` is visible inside as far as known now.
  bool covers(std::string_view canonical) const;

  // Links first, then binds, parents before children; nothing twice. `masked` are files in bound directories that are
  // shown empty.
  std::vector<core::Mount> mounts() const;
  const std::string& home() const { return home_; }
  // What all this was found out from.
  Looks& looks() { return looks_; }
  const Looks& looks() const { return looks_; }

 private:
  struct Bind {
    bool writable = false;
  };
  std::vector<std::string> covered_;
  std::string home_;
  Looks looks_;
  std::unordered_set<std::string> plain_;     // seen not to be links: each is looked at once
  std::map<std::string, std::string> links_;  // place -> text
  std::map<std::string, Bind> binds_;
};

// `path` without a final slash, "." and doubled slashes; ".." stays. Relative to `directory` when it is not absolute.
std::string absolute_path(std::string_view path, std::string_view directory);
// realpath(3), or the text itself when it does not exist.
std::string canonical_or_same(std::string_view path);

}  // namespace hv::images
