// Follows processes from their request to run a program to their end, and puts the ends of one look together: a loop of
// a thousand commands that all went well within a moment is a few records. A process that never asked to run a program
// is not followed, and how a process ended is the kernel's word or not known.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "monitor/exit_source.h"
#include "monitor/record.h"

namespace hv::monitor {

struct ExitLimits {
  size_t followed = 4096;                                      // at a time; each takes a descriptor
  std::chrono::nanoseconds shortly = std::chrono::seconds(1);  // who lived longer has a record of its own
  size_t together = 1000;                                      // processes in one record
};

class ExitFollower {
 public:
  // Where `source` is null nothing is followed, and finish() says so once.
  explicit ExitFollower(std::unique_ptr<ExitSource> source, ExitLimits limits = {})
      : source_(std::move(source)), limits_(limits) {}

  // Readable when take() has something; -1 where nothing is followed.
  int fd() const { return source_ ? source_->fd() : -1; }
  // A thread asks to run a program and waits for the answer.
  void attempted(pid_t thread, base::MonotonicTime now);
  // What the kernel shows a process to be running.
  void observed(pid_t pid, const std::string& executable);
  // The records of what has ended, and, for each reason once, of what can not be told. Ends are as late as the look.
  std::vector<Record> take(base::MonotonicTime now);
  // The same at the sandbox's end, with what was still followed and all that was not told yet.
  std::vector<Record> finish(base::MonotonicTime now);

 private:
  struct Followed {
    base::MonotonicTime since{};
    std::string executable;
  };
  struct Lost {
    ProcessesUnfollowed record;
    bool told = false;
  };
  void collect(const std::vector<ProcessEnd>& ends, base::MonotonicTime now);
  void lose(pid_t pid, const std::string& reason);

  std::unique_ptr<ExitSource> source_;
  ExitLimits limits_;
  std::map<pid_t, Followed> processes_;
  std::map<std::pair<std::optional<int32_t>, std::string>, ProcessesExited> short_;  // by status and program
  std::vector<ProcessesExited> exited_;                                              // ready to be written
  std::map<std::string, Lost> lost_;                                                 // by reason
};

}  // namespace hv::monitor
