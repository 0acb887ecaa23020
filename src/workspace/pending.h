// An apply, undo or discard under way: noted before it begins, in the file <records>/pending. Whoever finds the note
// takes the apply back, or finishes the others, which cannot be taken back.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace hv::workspace {

struct Pending {
  std::string operation;           // "apply", "undo" or "discard"
  std::vector<std::string> paths;  // as it was asked for; empty: everything
  bool operator==(const Pending&) const = default;

  base::Status note(const std::string& records) const;
  // nullopt when everything that began has ended.
  static base::Result<std::optional<Pending>> find(const std::string& records);
  static base::Status forget(const std::string& records);
};

}  // namespace hv::workspace
