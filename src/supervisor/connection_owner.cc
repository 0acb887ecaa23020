#include "supervisor/connection_owner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "isolation/socket_inode.h"
#include "supervisor/process_tree.h"

namespace hv::supervisor {

namespace {

constexpr size_t kRecent = 8;
constexpr std::chrono::milliseconds kBurst{20};
constexpr int kShare = 20;  // of all time one in so many parts may be spent on looking

// /proc/PID/fdinfo/N, which may be read by whoever may read the process's memory; /proc/PID/fd only by its user.
struct Described {
  uint64_t inode = 0;
  uint64_t mount = 0;
  bool operator==(const Described&) const = default;
};

uint64_t number_after(std::string_view text, std::string_view label) {
  size_t at = text.find(label);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + label.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Described describe(int directory, const char* descriptor) {
  base::Fd file(::openat(directory, descriptor, O_RDONLY | O_CLOEXEC));
  std::array<char, 512> buffer;
  ssize_t size = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
  if (size <= 0) return {};
  std::string_view text(buffer.data(), static_cast<size_t>(size));
  return {number_after(text, "ino:"), number_after(text, "mnt_id:")};
}

}  // namespace

// All sockets lie in one mount of the kernel's own: no file of another has both numbers.
ConnectionOwner::ConnectionOwner(base::Fd diagnosis, pid_t root)
    : diagnosis_(std::move(diagnosis)),
      root_(root),
      sockets_mount_(describe(AT_FDCWD, ("/proc/self/fdinfo/" + std::to_string(diagnosis_.get())).c_str()).mount) {}

std::optional<ConnectionOwner::Process> ConnectionOwner::find(const core::Flow& flow) {
  Clock::time_point begun = Clock::now();
  if (!may_look(begun)) return std::nullopt;
  std::optional<pid_t> pid;
  if (auto socket = isolation::socket_inode(diagnosis_.get(), flow)) pid = search(*socket, begun + budget_);
  std::optional<Process> found;
  if (pid) {
    std::array<char, 4096> target;
    ssize_t size = ::readlink(("/proc/" + std::to_string(*pid) + "/exe").c_str(), target.data(), target.size());
    found = Process{*pid, size > 0 ? std::string(target.data(), static_cast<size_t>(size)) : std::string()};
  }
  budget_ -= Clock::now() - begun;
  return found;
}

bool ConnectionOwner::may_look(Clock::time_point now) {
  budget_ = std::min<Clock::duration>(budget_ + (now - earned_) / kShare, kBurst);
  earned_ = now;
  return budget_.count() > 0;
}

std::optional<pid_t> ConnectionOwner::search(uint64_t socket, Clock::time_point until) {
  for (auto recent = recent_.begin(); recent != recent_.end(); ++recent) {
    if (!holds(*recent, socket)) continue;
    std::rotate(recent_.begin(), recent, recent + 1);
    return recent_.front();
  }
  // The youngest first: who starts often connects early.
  for (std::vector<pid_t> waiting{root_}; !waiting.empty() && Clock::now() < until;) {
    pid_t pid = waiting.back();
    waiting.pop_back();
    if (holds(pid, socket)) {
      recent_.push_front(pid);
      if (recent_.size() > kRecent) recent_.pop_back();
      return pid;
    }
    for (const std::string& thread : threads_of(pid))
      for (pid_t child : children_of(thread)) waiting.push_back(child);
  }
  return std::nullopt;
}

bool ConnectionOwner::holds(pid_t pid, uint64_t socket) const {
  std::string path = "/proc/" + std::to_string(pid) + "/fdinfo";
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(path.c_str()), ::closedir);
  while (dirent* entry = open ? ::readdir(open.get()) : nullptr)
    if (entry->d_name[0] != '.' && describe(::dirfd(open.get()), entry->d_name) == Described{socket, sockets_mount_})
      return true;
  return false;
}

}  // namespace hv::supervisor
