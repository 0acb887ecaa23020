// From a notified call to its answer and its record. The answer depends on the call's number and registers alone, never
// on what was read from memory: that is a claim, and only recorded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "monitor/listener.h"
#include "monitor/record.h"

namespace hv::monitor {

// What a call that changes files says it will change; paths are absolute as the sandbox sees them, and claims. One that
// could not be read, or whose beginning is not known, is not absolute.
struct WriteIntent {
  std::string call;
  std::vector<std::string> paths;
};

struct Verdict {
  int error = 0;                      // the errno to answer; 0: let the call continue
  std::optional<Record> record;       // to be in the spool before the answer is given
  std::optional<WriteIntent> writes;  // for live workspaces, which keep a copy first
  uint64_t image = 0;                 // of an exec: image_of() the caller
};

class Monitor {
 public:
  // `proc` is a descriptor of /proc as the supervisor's process namespace has it.
  // `denied`: calls that the policy denies beside the ones that every sandbox is denied.
  explicit Monitor(base::Fd proc, std::vector<uint32_t> denied = {})
      : proc_(std::move(proc)), denied_(std::move(denied)) {}

  // Reads what the record needs while the caller waits. Unknown calls are refused: what the filter notifies and nobody
  // here knows must not run.
  Verdict examine(const Notification& notification) const;

  // The program that the kernel shows a process to be running; empty when it has ended or is not ours to look at.
  std::string executable_of(pid_t pid) const;

  // Names the memory that a process has now: another one after each execve, as far as addresses are random. 0 when it
  // has ended or is not ours to look at.
  uint64_t image_of(pid_t pid) const;

  // The text of the symlink at an absolute path as the process sees it, /proc/self and the names of open descriptors
  // among them; nullopt for what is none or cannot be seen.
  std::optional<std::string> link_inside(pid_t pid, const std::string& path) const;

 private:
  Verdict examine_exec(const Notification& notification) const;
  WriteIntent examine_write(const Notification& notification) const;
  std::string link_of(pid_t pid, const char* name) const;
  // The absolute path that a call names by a directory descriptor and a string.
  std::string resolve(pid_t pid, uint64_t directory, std::string path) const;
  struct Status {
    uint32_t parent = 0;
    uint64_t image = 0;
  };
  Status status_of(pid_t pid) const;

  base::Fd proc_;
  std::vector<uint32_t> denied_;
};

// Bounds of one exec record. With them a record stays below what one leaf of the ledger may hold as payload.
inline constexpr size_t most_arguments = 64;
inline constexpr size_t most_argument_bytes = 8192;
inline constexpr size_t most_path_bytes = 1024;

}  // namespace hv::monitor
