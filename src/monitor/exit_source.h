// Where the ends of processes are learned from, whoever their parents are: the kernel tells them in one way or another,
// by its version and by whether we are root.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"

namespace hv::monitor {

struct ProcessEnd {
  pid_t pid = 0;
  std::optional<int> wait_status;  // as wait(2) gives it; nullopt when the kernel did not tell
};

class ExitSource {
 public:
  virtual ~ExitSource() = default;
  // Readable when take() has something.
  virtual int fd() const = 0;
  // From now on the end of this process is told of. `pid` may be any of its threads, and has to live; the result is the
  // process's own number. not_found for one that is gone, the errno of the kernel when it gives no descriptor.
  virtual base::Result<pid_t> follow(pid_t pid) = 0;
  // What has ended since, each followed process once. Never waits.
  virtual std::vector<ProcessEnd> take() = 0;
  // The same once everything has ended: what the kernel has still to say is waited for, some milliseconds at most.
  virtual std::vector<ProcessEnd> take_last() { return take(); }
  // How many are followed and were not taken yet.
  virtual size_t followed() const = 0;
};

// The best that this kernel has for us: descriptors of processes since Linux 6.15, before that the process connector,
// which serves root, and since 6.6 everybody. Null: nothing. To be called in the machine's own user namespace and
// before the process gives up its capabilities, which the connector needs.
std::unique_ptr<ExitSource> open_exit_source();

// What there is here, by trying it: starts a process and lets it end. For `doctor`; a process with threads may call it.
enum class ExitMeans { none, connector, descriptors };
ExitMeans try_exit_means();

}  // namespace hv::monitor
