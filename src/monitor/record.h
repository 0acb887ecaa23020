// What the supervisor writes into the spool about one sandboxed process, and what the daemon makes of it. The bytes:
// docs/spool-format.md carries them as the monitor family; each record is a tag, fixed little-endian fields and bounded
// strings.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "core/file_event.h"

namespace hv::monitor {

// A process asks to run a program. Path and arguments are what its memory held when we looked.
struct ExecAttempt {
  uint32_t pid = 0;  // as the host sees it
  uint32_t parent = 0;
  std::string path;  // as given to execve; for execveat with a descriptor, what that descriptor names
  std::vector<std::string> arguments;
  std::string directory;    // the working directory, as the kernel shows it
  bool truncated = false;   // there was more than the bounds let through
  bool unreadable = false;  // the memory could not be read: path, arguments or both are missing
  uint16_t redacted = 0;    // how many credentials were taken out
  uint16_t omitted = 0;     // how many arguments are not here because the policy wants none recorded
  bool operator==(const ExecAttempt&) const = default;
};

// Requests that were counted instead of written one by one.
struct ExecFolded {
  uint32_t pid = 0;       // 0: several processes and programs
  std::string path;       // the last one's
  std::string directory;  // the same
  uint64_t count = 0;     // how many requests this record stands for
  bool operator==(const ExecFolded&) const = default;
};

// What the kernel shows the process to be running, some time after an attempt.
struct ExecObserved {
  uint32_t pid = 0;
  std::string executable;  // the link /proc/PID/exe
  bool operator==(const ExecObserved&) const = default;
};

// A refused system call. All of it comes from registers, which the kernel copied.
struct DeniedCall {
  uint32_t pid = 0;  // 0: several processes, folded into one record
  int32_t number = 0;
  bool foreign = false;  // of another architecture or the x32 interface: the number is not one of ours
  int32_t error = 0;     // the errno it was answered with
  std::array<uint64_t, 3> arguments{};
  uint64_t count = 1;  // how many calls this record stands for
  bool operator==(const DeniedCall&) const = default;
};

// A process asks for a call that changes a file: what it says it will change, before that happens or fails.
struct FileClaim {
  uint32_t pid = 0;  // 0: several processes and paths, counted together
  core::FileEventKind kind = core::FileEventKind::modified;
  std::string call;
  std::string path;      // absolute; empty where it could not be read, or where they are several
  std::string old_path;  // of a rename
  uint64_t count = 1;    // how many requests this record stands for
  bool operator==(const FileClaim&) const = default;
};

struct ProcessEnded {
  uint32_t pid = 0;
  uint32_t milliseconds = 0;  // from its request to run a program to the look at its end
  bool operator==(const ProcessEnded&) const = default;
};

// How the kernel says processes ended that had asked to run a program: one, or several short ones that ended alike.
struct ProcessesExited {
  std::optional<int32_t> wait_status;  // as wait(2) gives it; nullopt: the kernel did not tell
  std::string executable;              // the last that was observed; empty: none was
  std::vector<ProcessEnded> ended;     // not empty
  bool operator==(const ProcessesExited&) const = default;
};

// Processes whose end is not told, and why.
struct ProcessesUnfollowed {
  std::string reason;
  std::vector<uint32_t> pids;  // the first of them
  uint64_t count = 0;          // 0: all that there will be
  bool operator==(const ProcessesUnfollowed&) const = default;
};

// What was seen to have become of a file of a copied workspace while the sandbox runs.
struct FileSeen {
  core::FileEventKind kind = core::FileEventKind::modified;
  std::optional<core::FileType> type;  // where it is known
  uint32_t mode = 0;                   // 07777
  uint64_t size = 0;
  std::string path;      // absolute; of a fold the directory; empty: in several
  std::string old_path;  // of a rename
  uint64_t count = 0;    // of a fold: how many paths; 0: none
  bool operator==(const FileSeen&) const = default;
};

using Record = std::variant<ExecAttempt, ExecObserved, DeniedCall, ExecFolded, FileClaim, ProcessesExited,
                            ProcessesUnfollowed, FileSeen>;

std::string encode(const Record& record);
// invalid_argument for bytes that encode() cannot have written.
base::Result<Record> decode(std::string_view bytes);

// Kind (exec.started, exec.observed, call.denied, file.modified, ...), trust, risk and payload; the caller adds times,
// sandbox, principal and origin.
core::Event to_event(const Record& record);

}  // namespace hv::monitor
