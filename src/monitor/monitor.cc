#include "monitor/monitor.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"
#include "core/redaction.h"
#include "isolation/denied_calls.h"
#include "isolation/native_architecture.h"
#include "monitor/process_memory.h"

namespace hv::monitor {
namespace {

DeniedCall denied(const Notification& notification, int error, bool foreign) {
  DeniedCall record{.pid = static_cast<uint32_t>(notification.pid),
                    .number = notification.number,
                    .foreign = foreign,
                    .error = error,
                    .arguments = {}};
  for (size_t i = 0; i < record.arguments.size(); ++i) record.arguments[i] = notification.arguments[i];
  return record;
}

}  // namespace

// A file with set-id bits in a live workspace would give whoever runs it on the host the owner's rights; nosuid holds
// only inside. Mode and flags lie in registers, so this may decide.
static bool sets_id_bits(const Notification& notification) {
  const auto& arguments = notification.arguments;
  auto has_bits = [&](size_t argument) { return (arguments[argument] & (S_ISUID | S_ISGID)) != 0; };
  auto creates = [&](size_t argument) { return (arguments[argument] & (O_CREAT | O_TMPFILE)) != 0; };
  switch (notification.number) {
    case SYS_fchmod:
      return has_bits(1);
    case SYS_fchmodat:
    case isolation::call::fchmodat2:
      return has_bits(2);
    case SYS_openat:
      return creates(2) && has_bits(3);
#ifdef SYS_open
    case SYS_chmod:
    case SYS_creat:
      return has_bits(1);
    case SYS_open:
      return creates(1) && has_bits(2);
#endif
    default:
      return false;
  }
}

static core::FileEventKind kind_of(const Notification& notification, std::string_view call) {
  using core::FileEventKind;
  const isolation::WritingCall& known = *isolation::find_writing_call(notification.number);
  if (known.flags_argument >= 0) {
    // Without O_EXCL it is not known whether the file is there.
    uint64_t exclusive = O_CREAT | O_EXCL;
    bool creates = (notification.arguments[static_cast<size_t>(known.flags_argument)] & exclusive) == exclusive;
    return creates ? FileEventKind::created : FileEventKind::modified;
  }
  if (call.starts_with("rename")) return FileEventKind::renamed;
  if (call.starts_with("unlink") || call == "rmdir") return FileEventKind::deleted;
  if (call.starts_with("mkdir") || call.starts_with("link") || call.starts_with("symlink"))
    return FileEventKind::created;
  if (call.find("chmod") != std::string_view::npos) return FileEventKind::mode;
  if (call.find("chown") != std::string_view::npos) return FileEventKind::owner;
  return FileEventKind::modified;
}

static FileClaim claim_of(const Notification& notification, const WriteIntent& intent) {
  FileClaim claim;
  claim.pid = static_cast<uint32_t>(notification.pid);
  claim.kind = kind_of(notification, intent.call);
  claim.call = intent.call;
  if (!intent.paths.empty()) claim.path = intent.paths.back();
  if (claim.kind == core::FileEventKind::renamed && intent.paths.size() > 1) claim.old_path = intent.paths.front();
  return claim;
}

Verdict Monitor::examine(const Notification& notification) const {
  bool foreign = notification.architecture != isolation::native_architecture ||
                 (static_cast<uint32_t>(notification.number) & isolation::x32_bit) != 0 || notification.number < 0;
  if (foreign) return {.error = ENOSYS, .record = denied(notification, ENOSYS, true), .writes = std::nullopt};
  bool by_policy = std::ranges::find(denied_, static_cast<uint32_t>(notification.number)) != denied_.end();
  const isolation::DeniedCall* always = isolation::find_denied_call(notification.number);
  if (by_policy && always == nullptr)
    return {.error = EPERM, .record = denied(notification, EPERM, false), .writes = std::nullopt};
  if (notification.number == SYS_execve || notification.number == SYS_execveat) return examine_exec(notification);
  if (always != nullptr)
    return {.error = always->error, .record = denied(notification, always->error, false), .writes = std::nullopt};
  if (sets_id_bits(notification))
    return {.error = EPERM, .record = denied(notification, EPERM, false), .writes = std::nullopt};
  if (isolation::find_writing_call(notification.number) != nullptr) {
    WriteIntent intent = examine_write(notification);
    std::optional<Record> claim;
    // Opened all the time, and nothing becomes of it.
    if (intent.paths != std::vector<std::string>{"/dev/null"}) claim = claim_of(notification, intent);
    return {.error = 0, .record = std::move(claim), .writes = std::move(intent)};
  }
  return {.error = ENOSYS, .record = denied(notification, ENOSYS, false), .writes = std::nullopt};
}

Verdict Monitor::examine_exec(const Notification& notification) const {
  bool at = notification.number == SYS_execveat;
  const auto& arguments = notification.arguments;
  ExecAttempt record;
  record.pid = static_cast<uint32_t>(notification.pid);
  Status status = status_of(notification.pid);
  record.parent = status.parent;
  record.directory = link_of(notification.pid, "cwd");
  ClaimedString path = read_string(notification.pid, arguments[at ? 1 : 0], most_path_bytes);
  ClaimedStrings argv = read_strings(notification.pid, arguments[at ? 2 : 1], most_arguments, most_argument_bytes);
  record.path = std::move(path.text);
  if (at && !record.path.starts_with('/') && static_cast<int32_t>(arguments[0]) != AT_FDCWD)
    record.path = resolve(notification.pid, arguments[0], std::move(record.path));
  record.arguments = std::move(argv.texts);
  record.truncated = path.truncated || argv.truncated;
  record.unreadable = path.unreadable || argv.unreadable;
  // Before the first byte of it is written anywhere.
  record.redacted = static_cast<uint16_t>(std::min<size_t>(core::redact_arguments(record.arguments), UINT16_MAX));
  return {.error = 0, .record = std::move(record), .writes = std::nullopt, .image = status.image};
}

WriteIntent Monitor::examine_write(const Notification& notification) const {
  const isolation::WritingCall& call = *isolation::find_writing_call(notification.number);
  WriteIntent intent{.call = std::string(call.name), .paths = {}};
  for (const isolation::PathArgument& argument : call.paths) {
    if (argument.path < 0 && argument.directory < 0) continue;
    uint64_t directory = argument.directory < 0 ? static_cast<uint64_t>(AT_FDCWD)
                                                : notification.arguments[static_cast<size_t>(argument.directory)];
    ClaimedString claimed;
    if (argument.path >= 0)
      claimed = read_string(notification.pid, notification.arguments[static_cast<size_t>(argument.path)], PATH_MAX);
    bool known = !claimed.unreadable && !claimed.truncated;
    intent.paths.push_back(known ? resolve(notification.pid, directory, std::move(claimed.text)) : std::string());
  }
  return intent;
}

std::string Monitor::link_of(pid_t pid, const char* name) const {
  char path[64];
  char target[4096];
  auto end = std::to_chars(path, path + sizeof path, pid).ptr;
  *end++ = '/';
  size_t room = static_cast<size_t>(path + sizeof path - end);
  size_t length = std::char_traits<char>::length(name);
  if (length >= room) return {};
  std::char_traits<char>::copy(end, name, length + 1);
  ssize_t size = ::readlinkat(proc_.get(), path, target, sizeof target);
  return size < 0 ? std::string() : std::string(target, static_cast<size_t>(size));
}

std::string Monitor::resolve(pid_t pid, uint64_t directory, std::string path) const {
  if (path.starts_with('/')) return path;
  auto descriptor = static_cast<int32_t>(directory);
  std::string base = link_of(pid, descriptor == AT_FDCWD ? "cwd" : ("fd/" + std::to_string(descriptor)).c_str());
  if (path.empty() || base.empty()) return base.empty() ? path : base;
  return base + "/" + path;
}

// Of /proc/PID/stat the fourth field, and the 28th, the bottom of the stack; the second is a name in parentheses that
// may hold anything.
Monitor::Status Monitor::status_of(pid_t pid) const {
  std::string path = std::to_string(pid) + "/stat";
  base::Fd file(::openat(proc_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  ssize_t size = file ? ::read(file.get(), text, sizeof text) : -1;
  if (size <= 0) return {};
  std::string_view rest(text, static_cast<size_t>(size));
  rest.remove_prefix(std::min(rest.size(), rest.rfind(')') + 1));
  Status status;
  for (int field = 3; field <= 28 && !rest.empty(); ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    if (field == 4) std::from_chars(rest.data(), rest.data() + rest.size(), status.parent);
    if (field == 28) std::from_chars(rest.data(), rest.data() + rest.size(), status.image);
    rest.remove_prefix(std::min(rest.size(), rest.find(' ')));
  }
  return status;
}

uint64_t Monitor::image_of(pid_t pid) const {
  return status_of(pid).image;
}

std::string Monitor::executable_of(pid_t pid) const {
  return link_of(pid, "exe");
}

// The number by which the process knows itself: the last of its numbers in the namespaces it lives in.
static std::string number_inside(int proc, pid_t pid) {
  base::Fd file(::openat(proc, (std::to_string(pid) + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  auto status = file ? base::read_all(file.get(), size_t{1} << 16) : base::Result<std::string>(std::string());
  if (!status) return {};
  size_t at = status->find("\nNSpid:");
  if (at == std::string::npos) return {};
  std::string line = status->substr(at + 1, status->find('\n', at + 1) - at - 1);
  return line.substr(line.find_last_of(" \t") + 1);
}

std::optional<std::string> Monitor::link_inside(pid_t pid, const std::string& path) const {
  // For us the two would name ourselves.
  if (path == "/proc/self") return number_inside(proc_.get(), pid);
  if (path == "/proc/thread-self") return number_inside(proc_.get(), pid) + "/task/" + number_inside(proc_.get(), pid);
  base::Fd root(::openat(proc_.get(), (std::to_string(pid) + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return std::nullopt;
  // Only the last component may be a link, and it is not followed: the caller walks.
  auto link = base::open_resolving(root.get(), path, O_PATH | O_NOFOLLOW, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (!link) return std::nullopt;
  char target[4096];
  ssize_t size = ::readlinkat(link->get(), "", target, sizeof target);
  if (size < 0) return std::nullopt;
  return std::string(target, static_cast<size_t>(size));
}

}  // namespace hv::monitor
