// Strings out of a sandboxed process's memory, which may hold anything, and may change while we read: every read is
// bounded, stops at pages that are not there, and its result is a claim. process_vm_readv(2), never /proc/PID/mem,
// which a supervisor without capabilities may not open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace hv::monitor {

struct ClaimedString {
  std::string text;
  bool truncated = false;   // no end within the bound
  bool unreadable = false;  // the memory before an end or the bound could not be read
};

ClaimedString read_string(pid_t pid, uint64_t address, size_t limit);

struct ClaimedStrings {
  std::vector<std::string> texts;
  bool truncated = false;
  bool unreadable = false;
};

// The strings of an argv, at most `count_limit` of about `size_limit` bytes together; a null address is no strings. Of
// a string that takes more than half of what the ones before it left, beginning and end are kept. Two system calls when
// every string is short, plus one for each page of a long one.
ClaimedStrings read_strings(pid_t pid, uint64_t address, size_t count_limit, size_t size_limit);

}  // namespace hv::monitor
