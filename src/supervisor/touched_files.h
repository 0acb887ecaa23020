// Paths of an upper layer that were touched within a moment, and what became of them: by looking at the layer and at
// what lies below it, not by counting what happened in between.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "monitor/record.h"

namespace hv::supervisor {

struct LayeredPlace {
  base::Fd upper;
  base::Fd lower;
  std::string target;
};

// A place's number, and a path in it.
using Spot = std::pair<size_t, std::string>;

struct TouchedFile {
  bool appeared = false;  // a name that was not in the upper layer before
  bool written = false;
  bool closed = false;  // after it was open for writing; what a mapping wrote shows no other way
  bool left = false;    // its name was taken away, or went to another
  Spot from{};          // where it was before; an empty path: nowhere else
};

using TouchedFiles = std::map<Spot, TouchedFile>;

// Records of what changed, folded by directory where they are many. `since`: the clock of files, in nanoseconds, when
// the first of them was touched.
std::vector<monitor::FileSeen> what_became(const std::vector<LayeredPlace>& places, const TouchedFiles& touched,
                                           int64_t since);

// Whether the layer below has something of this name: then its coming up is no beginning.
bool lies_below(const LayeredPlace& place, const std::string& path);

// The time that a file written now would get.
int64_t file_clock();

}  // namespace hv::supervisor
