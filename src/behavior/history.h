// What was seen before, in bounded memory: for one sandbox, or on disk for all sandboxes of an agent. What is kept is a
// line for each value; docs/policy.md, "First seen", has the file's form.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/fd.h"
#include "base/result.h"

namespace hv::behavior {

class History {
 public:
  static constexpr size_t kMost = 16'384;
  static constexpr size_t kLongest = 1024;  // bytes of a value that count

  // In memory alone.
  History() = default;
  // From a file, which is made when it is missing. A torn last line is cut off: its value will be new again.
  static base::Result<History> open(const std::string& path);

  bool contains(std::string_view rule, std::string_view field, std::string_view value) const;
  // Once it is full nothing is added, and what is new stays new. A value that could not be written down is remembered
  // until the daemon ends.
  void add(std::string_view rule, std::string_view field, std::string_view value);
  size_t size() const { return seen_.size(); }

 private:
  // A part of a hash that nobody can aim at: an agent that found two hosts with the same one could hide the second.
  using Mark = std::array<uint64_t, 2>;
  struct Hash {
    size_t operator()(const Mark& mark) const { return mark[0]; }
  };
  static Mark mark_of(std::string_view line);

  std::unordered_set<Mark, Hash> seen_;
  base::Fd file_;
};

}  // namespace hv::behavior
