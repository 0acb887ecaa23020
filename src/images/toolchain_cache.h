// The toolchain of the last few commands, used again as long as nothing on the disk that it was found from has changed:
// finding one costs some hundred system calls, checking some thirty.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "images/toolchain.h"

namespace hv::images {

// A toolchain with the binder that it was found with.
struct FoundTools {
  Toolchain toolchain;
  Binder binder;
};

class ToolchainCache {
 public:
  // As find_toolchain() with a new Binder(covered, home).
  FoundTools find(const HostView& host, std::string_view command, std::string_view workspace,
                  std::vector<std::string> covered, std::string home);

  // How often find() had an answer ready.
  size_t hits() const { return hits_; }

 private:
  struct Entry {
    std::vector<std::string> key;
    FoundTools found;
  };
  static constexpr size_t kMost = 8;
  std::list<Entry> entries_;  // the last used first
  size_t hits_ = 0;
};

}  // namespace hv::images
