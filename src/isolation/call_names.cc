#include "isolation/call_names.h"

#include <algorithm>

#include <sys/syscall.h>

#include "base/format.h"
#include "base/text.h"

namespace hv::isolation {

namespace {

struct Name {
  std::string_view name;
  int number;
};

constexpr Name kNames[] = {
#include "isolation/call_names.inc"
};
static_assert(std::ranges::is_sorted(kNames, {}, &Name::name));

// What init does between the filter and the first program, and what every program does at its start and end.
constexpr std::string_view kNeeded[] = {
    "brk",        "chdir",     "clone",  "close",      "dup2",         "dup3",           "execve",       "exit",
    "exit_group", "fcntl",     "fstat",  "futex",      "getpid",       "ioctl",          "kill",         "lstat",
    "mmap",       "mprotect",  "munmap", "newfstatat", "openat",       "poll",           "ppoll",        "prctl",
    "pread64",    "prlimit64", "read",   "recvmsg",    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sendmsg",
    "setrlimit",  "setsid",    "umask",  "vfork",      "wait4",        "write",          "writev"};

}  // namespace

std::optional<int> call_number(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kNames, name, {}, &Name::name);
  if (found == std::end(kNames) || found->name != name) return std::nullopt;
  return found->number;
}

std::string_view call_name(int number) {
  const auto* found = std::ranges::find(kNames, number, &Name::number);
  return found == std::end(kNames) ? std::string_view() : found->name;
}

base::Result<int> call_to_deny(std::string_view name) {
  std::optional<int> number = call_number(name);
  if (!number) {
    std::vector<std::string> known;
    for (const Name& each : kNames) known.emplace_back(each.name);
    base::Error error =
        base::invalid_argument(base::format("no system call is named '{}'", base::printable(name.substr(0, 40))));
    if (auto near = base::nearest(name, known))
      return base::Failure(std::move(error).with_hint(base::format("did you mean '{}'?", *near)));
    return base::Failure(std::move(error));
  }
  if (std::ranges::find(kNeeded, name) != std::end(kNeeded))
    return base::Failure(base::invalid_argument(base::format("nothing could be started without {}", name)));
  return *number;
}

}  // namespace hv::isolation
