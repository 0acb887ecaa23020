// access.toml as it stands on the disk now: read again when the file has become another one, so an edit counts at the
// next request. What cannot be trusted or understood closes: then nobody may do more than look and end things.
#pragma once

#include <memory>
#include <string>

#include "access/decide.h"
#include "base/guarded.h"
#include "base/result.h"

namespace hv::access {

struct Rules {
  std::shared_ptr<const Judge> judge;
  bool present = false;
  base::Status fault;  // why the file is not gone by: its faults, or who else can write it
};

// Thread-safe.
class Book {
 public:
  Book(std::string path, uint32_t owner) : path_(std::move(path)), owner_(owner) {}
  const std::string& path() const { return path_; }
  Rules rules() const;

 private:
  // What tells one state of a file from another.
  struct Identity {
    bool present = false;
    uint64_t device = 0, inode = 0, size = 0, mode = 0, owner = 0;
    int64_t changed_seconds = 0, changed_nanoseconds = 0;
    bool operator==(const Identity&) const = default;
  };
  struct State {
    Identity identity;
    bool settled = false;  // a change of the file since would be seen
    Rules rules;
  };
  base::Result<Access> read() const;

  std::string path_;
  uint32_t owner_;
  mutable base::Guarded<State> state_;
};

}  // namespace hv::access
