#include "monitor/pidfd_exits.h"

#include <array>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hv::monitor {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;

namespace {

// What the kernel fills in, in the first of its sizes: later ones only grow behind it, and the call's number holds the
// size, so that a kernel of any age answers this one.
struct ProcessInfo {
  uint64_t asked = 0;  // on the way back: what is there
  uint64_t cgroup = 0;
  uint32_t pid = 0;
  uint32_t thread_group = 0;
  uint32_t parent = 0;
  std::array<uint32_t, 8> ids{};  // real, effective, saved and of the file system: user and group
  int32_t exit_code = 0;
};
static_assert(sizeof(ProcessInfo) == 64);
constexpr uint64_t kExit = uint64_t{1} << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, ProcessInfo);

// Of another than the first thread there is no descriptor that stands for the process.
pid_t process_of(pid_t thread) {
  auto status = base::read_file("/proc/" + std::to_string(thread) + "/status", size_t{1} << 16);
  size_t at = status ? status->find("\nTgid:\t") : std::string::npos;
  if (at == std::string::npos) return 0;
  pid_t process = 0;
  const char* digits = status->data() + at + 7;
  std::from_chars(digits, status->data() + status->size(), process);
  return process;
}

Fd open_descriptor(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

Result<OpenedProcess> open_process(pid_t thread) {
  Fd descriptor = open_descriptor(thread);
  if (descriptor) return OpenedProcess{thread, std::move(descriptor)};
  int error = errno;
  if (error == EINVAL || error == ENOENT) {
    pid_t process = process_of(thread);
    if (process > 0 && process != thread) descriptor = open_descriptor(process);
    if (descriptor) return OpenedProcess{process, std::move(descriptor)};
    error = ESRCH;
  }
  return Failure(Error::from_errno(error, "open a descriptor of a process", std::to_string(thread)));
}

std::optional<int> wait_status_of(int descriptor) {
  ProcessInfo info{.asked = kExit};
  if (::ioctl(descriptor, kGetInfo, &info) != 0 || (info.asked & kExit) == 0) return std::nullopt;
  return info.exit_code;
}

Result<std::unique_ptr<ExitSource>> PidfdExits::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Failure(Error::from_errno(errno, "make a queue of processes that end"));
  return std::unique_ptr<ExitSource>(new PidfdExits(std::move(epoll)));
}

Result<pid_t> PidfdExits::follow(pid_t pid) {
  OpenedProcess process = HV_TRY(open_process(pid));
  // A hang-up is all that is waited for: it comes with the reaping, and only then the status is there.
  epoll_event wanted{};
  wanted.events = EPOLLONESHOT;
  wanted.data.fd = process.pid;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, process.descriptor.get(), &wanted) != 0)
    return Failure(Error::from_errno(errno, "wait for the end of a process", std::to_string(process.pid)));
  processes_[process.pid] = std::move(process.descriptor);
  return process.pid;
}

std::vector<ProcessEnd> PidfdExits::take() {
  std::vector<ProcessEnd> ended;
  std::array<epoll_event, 256> ready;
  for (;;) {
    int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    if (count <= 0) return ended;
    for (int i = 0; i < count; ++i) {
      auto found = processes_.find(ready[static_cast<size_t>(i)].data.fd);
      if (found == processes_.end()) continue;
      ended.push_back({found->first, wait_status_of(found->second.get())});
      processes_.erase(found);
    }
  }
}

}  // namespace hv::monitor
