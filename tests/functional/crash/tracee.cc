#include "tracee.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace hv::crash {

namespace {

std::string link_of(const std::string& path) {
  std::array<char, 4096> target{};
  ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<size_t>(size)) : std::string();
}

std::string in_proc(pid_t thread, const std::string& name) {
  return link_of("/proc/" + std::to_string(thread) + "/" + name);
}

// The tracer may read where process_vm_readv(2) may not: a word at a time.
std::string read_memory(pid_t thread, uint64_t address, size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    errno = 0;
    long word = ::ptrace(PTRACE_PEEKDATA, thread, address + bytes.size(), nullptr);
    if (errno != 0) break;
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  bytes.resize(std::min(bytes.size(), size));
  return bytes;
}

std::string read_text(pid_t thread, uint64_t address) {
  std::string text;
  while (text.size() < PATH_MAX) {
    std::string chunk = read_memory(thread, address + text.size(), 64);
    size_t end = chunk.find('\0');
    text.append(chunk, 0, end);
    if (end != std::string::npos || chunk.size() < 64) break;
  }
  return text;
}

template <typename T>
T read_value(pid_t thread, uint64_t address) {
  T value{};
  std::string bytes = read_memory(thread, address, sizeof value);
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

bool looks_made_up(std::string_view word) {
  bool digit = std::ranges::any_of(word, [](unsigned char c) { return std::isdigit(c) != 0; });
  // A sandbox's id, which need not have one.
  bool id = word.size() == 17 && word[0] == 's' && word.find_first_of("ilou", 1) == std::string_view::npos;
  return id || (digit && word.size() >= 8);
}

// What differs from run to run becomes the same: ids, process numbers, random names.
std::string without_numbers(const std::string& path) {
  std::string plain, word;
  auto take_word = [&] {
    if (looks_made_up(word)) {
      plain += "ID";
    } else {
      for (char c : word) {
        bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (!digit)
          plain += c;
        else if (!plain.ends_with('N'))
          plain += 'N';
      }
    }
    word.clear();
  };
  for (char c : path) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
    } else {
      take_word();
      plain += c;
    }
  }
  take_word();
  return plain;
}

// Of a tree that somebody else filled, such as a machine's /etc, only where it lies.
std::string shortened(const std::string& path) {
  const int deepest = path.starts_with("state/cache/") ? 3 : 5;
  size_t end = 0;
  for (int depth = 0; depth < deepest && end != std::string::npos; ++depth)
    end = path.find('/', end + (depth > 0 ? 1 : 0));
  return end == std::string::npos ? path : path.substr(0, end) + "/...";
}

std::string called(const std::string& path, const Names& names) {
  if (path.empty()) return "?";
  for (const auto& [prefix, name] : names)
    if (path.starts_with(prefix)) return shortened(name + without_numbers(path.substr(prefix.size())));
  for (const char* kind : {"socket", "pipe", "anon_inode", "/memfd", "/dev/", "/proc/"})
    if (path.starts_with(kind)) return kind[0] == '/' ? path.substr(1, std::strlen(kind) - 1) : kind;
  // A hierarchy and whose group it is say nothing about the step.
  if (path.starts_with("/sys/fs/cgroup/")) return "cgroup/" + without_numbers(path.substr(path.rfind('/') + 1));
  return "elsewhere";
}

std::string path_at(pid_t thread, int directory, uint64_t address) {
  std::string path = read_text(thread, address);
  if (path.starts_with('/')) return path;
  std::string above =
      directory == AT_FDCWD ? in_proc(thread, "cwd") : in_proc(thread, "fd/" + std::to_string(directory));
  return path.empty() ? above : above + "/" + path;
}

std::string of_fd(pid_t thread, uint64_t fd) {
  return in_proc(thread, "fd/" + std::to_string(static_cast<int>(fd)));
}

// Where a message begins: HTTP, or the kind of a record between Hydravisor's own processes.
std::string message_of(const std::string& start) {
  if (start.starts_with("HTTP/1.1 ")) return "answer " + start.substr(9, 3);
  for (const char* verb : {"GET ", "POST ", "DELETE ", "PATCH ", "PUT "})
    if (start.starts_with(verb))
      return "request " + without_numbers(start.substr(0, start.find_first_of(" ?", std::strlen(verb))));
  if (start.size() > 1 && (start[1] == 'i' || start[1] == 'm')) return "record " + std::to_string(start[0]);
  return "stream";
}

struct Decoder {
  pid_t thread;
  const Names& names;
  const uint64_t* arguments;

  int fd(int n) const { return static_cast<int>(arguments[n]); }
  std::string path(int n) const { return called(path_at(thread, AT_FDCWD, arguments[n]), names); }
  std::string path(int directory, int n) const { return called(path_at(thread, fd(directory), arguments[n]), names); }
  std::string file(int n) const { return called(of_fd(thread, arguments[n]), names); }

  std::optional<std::string> opening(uint64_t flags, const std::string& what) const {
    if ((flags & (O_CREAT | O_TRUNC)) == 0) return std::nullopt;
    return "create " + what;
  }
  std::optional<std::string> writing(const char* verb, const std::string& start) const {
    std::string target = of_fd(thread, arguments[0]);
    // Wakes the process's own loop.
    if (target.starts_with("anon_inode:[eventfd")) return std::nullopt;
    if (target.starts_with("socket:")) return "send " + message_of(start);
    return std::string(verb) + " " + called(target, names);
  }
  std::string start_of_vector(uint64_t address) const {
    auto part = read_value<iovec_of_tracee>(thread, address);
    return read_memory(thread, part.base, std::min<uint64_t>(part.size, 64));
  }

  struct iovec_of_tracee {
    uint64_t base;
    uint64_t size;
  };
};

std::string start_of_message(const Decoder& d, uint64_t header) {
  struct Header {
    uint64_t name;
    uint64_t name_size;
    uint64_t vector;
    uint64_t count;
  };
  auto message = read_value<Header>(d.thread, header);
  return message.count > 0 ? d.start_of_vector(message.vector) : std::string();
}

std::string socket_path(const Decoder& d) {
  auto address = read_value<sockaddr_un>(d.thread, d.arguments[1]);
  if (address.sun_family == AF_UNIX) return called(address.sun_path, d.names);
  return address.sun_family == AF_INET || address.sun_family == AF_INET6 ? "internet" : "netlink";
}

}  // namespace

std::string role_of(pid_t process) {
  static const std::map<std::string, std::string, std::less<>> kRoles{
      {"hydravisor", "command"},         {"hydravisord", "daemon"},   {"hydravisor-supervisor", "supervisor"},
      {"hydravisor-gateway", "gateway"}, {"hydravisor-init", "init"}, {"hydravisor-worker", "worker"}};
  std::string program = in_proc(process, "exe");
  auto found = kRoles.find(program.substr(program.rfind('/') + 1));
  return found == kRoles.end() ? "other" : found->second;
}

std::optional<std::string> step_of(pid_t thread, const __ptrace_syscall_info& call, const Names& names) {
  std::array<uint64_t, 6> arguments{};
  std::copy_n(call.entry.args, 6, arguments.begin());
  Decoder d{thread, names, arguments.data()};
  switch (call.entry.nr) {
    case SYS_open:
      return d.opening(arguments[1], d.path(0));
    case SYS_creat:
      return "create " + d.path(0);
    case SYS_openat:
      return d.opening(arguments[2], d.path(0, 1));
    case SYS_openat2:
      return d.opening(read_value<open_how>(thread, arguments[2]).flags, d.path(0, 1));
    case SYS_mkdir:
      return "mkdir " + d.path(0);
    case SYS_mkdirat:
      return "mkdir " + d.path(0, 1);
    case SYS_rmdir:
      return "rmdir " + d.path(0);
    case SYS_unlink:
      return "unlink " + d.path(0);
    case SYS_unlinkat:
      return ((arguments[2] & AT_REMOVEDIR) != 0 ? "rmdir " : "unlink ") + d.path(0, 1);
    case SYS_rename:
      return "rename " + d.path(0) + " to " + d.path(1);
    case SYS_renameat:
    case SYS_renameat2:
      return "rename " + d.path(0, 1) + " to " + d.path(2, 3);
    case SYS_link:
      return "link " + d.path(1);
    case SYS_linkat:
      return "link " + d.path(2, 3);
    case SYS_symlink:
      return "symlink " + d.path(1);
    case SYS_symlinkat:
      return "symlink " + d.path(1, 2);
    case SYS_mknodat:
      return "mknod " + d.path(0, 1);
    case SYS_chmod:
      return "chmod " + d.path(0);
    case SYS_fchmodat:
      return "chmod " + d.path(0, 1);
    case SYS_fchmod:
      return "chmod " + d.file(0);
    case SYS_chown:
      return "chown " + d.path(0);
    case SYS_fchownat:
      return "chown " + d.path(0, 1);
    case SYS_fchown:
      return "chown " + d.file(0);
    case SYS_utimensat:
      return "touch " + (arguments[1] == 0 ? d.file(0) : d.path(0, 1));
    case SYS_write:
      return d.writing("write", read_memory(thread, arguments[1], std::min<uint64_t>(arguments[2], 64)));
    case SYS_writev:
      return d.writing("write", d.start_of_vector(arguments[1]));
    case SYS_pwrite64:
    case SYS_pwritev2:
      return "write " + d.file(0);
    case SYS_copy_file_range:
      return "write " + d.file(2);
    case SYS_sendfile:
      return "write " + d.file(0);
    case SYS_ftruncate:
      return "truncate " + d.file(0);
    case SYS_fallocate:
      return "allocate " + d.file(0);
    case SYS_fsync:
    case SYS_fdatasync:
      return "sync " + d.file(0);
    case SYS_sendto:
      return "send " + message_of(read_memory(thread, arguments[1], std::min<uint64_t>(arguments[2], 64)));
    case SYS_sendmsg:
      return "send " + message_of(start_of_message(d, arguments[1]));
    case SYS_bind:
      return "bind " + socket_path(d);
    case SYS_connect:
      return socket_path(d) == "internet" ? std::optional<std::string>("connect") : std::nullopt;
    case SYS_mount:
      return "mount " + d.path(1);
    case SYS_move_mount:
      return "mount " + d.path(2, 3);
    case SYS_umount2:
      return "umount " + d.path(0);
    case SYS_pivot_root:
      return "pivot_root";
    case SYS_setns:
      return "setns";
    case SYS_unshare:
      return "unshare";
    case SYS_fork:
    case SYS_vfork:
      return "clone";
    case SYS_clone:
      return (arguments[0] & CLONE_THREAD) != 0 ? std::nullopt : std::optional<std::string>("clone");
    case SYS_clone3: {
      uint64_t flags = read_value<uint64_t>(thread, arguments[0]);
      if ((flags & CLONE_THREAD) != 0) return std::nullopt;
      return (flags & CLONE_NEWPID) != 0 ? "clone into namespaces" : "clone";
    }
    case SYS_execve:
      return "exec " + d.path(0);
    case SYS_execveat:
      return "exec " + d.file(0);
    case SYS_kill:
    case SYS_pidfd_send_signal:
      return "kill";
    case SYS_exit_group:
      return "exit";
    default:
      return std::nullopt;
  }
}

}  // namespace hv::crash
