// What was shown to a person, so that exactly this is applied: every change with the hash of its content. A sandbox
// that still runs goes on changing files; what it changes after it was shown must not slip in.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/change.h"
#include "workspace/change.h"
#include "workspace/places.h"

namespace hv::workspace {

class Review {
 public:
  // Reads every file that changed. `changes` are those that are shown.
  static base::Result<Review> of(const Opened& places, const std::vector<Change>& changes);
  // A ref of the repository `name` that the sandbox moved, whether it is held or not.
  void add_ref(const std::string& repository, const core::RefChange& ref);

  // 32 hexadecimal digits that stand for all of it.
  std::string digest() const;
  // Whether the change, but for its content, is as it was shown.
  bool shows(const Change& change) const;
  // Of the content that was shown, as content_id() gives it; empty for what has none.
  std::string content_of(const std::string& path) const;
  bool shows_ref(const std::string& repository, const core::RefChange& ref) const;

 private:
  struct Shown {
    std::string form;  // kind, types, modes, what the host had
    std::string content;
  };
  std::map<std::string, Shown> files_;
  std::map<std::string, std::string> refs_;  // the repository and the ref's name, to where it goes
};

// A hash over a file's bytes from its beginning; its offset stays as it is.
base::Result<std::string> content_id(int fd);
std::string content_id(std::string_view bytes);

}  // namespace hv::workspace
