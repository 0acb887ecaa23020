#include "service/leftovers.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"
#include "base/text.h"

namespace hv::service {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Status;
using core::Leftover;
using core::LeftoverKind;
using Time = std::chrono::system_clock::time_point;

struct Name {
  std::string text;
  bool is_directory = false;
};

// What is in our own directories, in order; nothing of it is an agent's.
std::vector<Name> names_in(const std::string& directory) {
  std::vector<Name> names;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  if (!stream) return names;
  while (dirent* entry = ::readdir(stream.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back({std::move(name), entry->d_type == DT_DIR});
  }
  std::ranges::sort(names, {}, &Name::text);
  return names;
}

// base::replace_file() and write_file_atomically() write beside the file's place, under a name that ends so.
bool is_temporary(const std::string& name) {
  size_t mark = name.rfind(".tmp-");
  return mark != std::string::npos && mark + 5 < name.size() &&
         name.find_first_not_of("0123456789", mark + 5) == std::string::npos;
}

// Held for as long as a sandbox's supervisor lives, which takes it before it does anything in the directory.
Fd lock_of(const std::string& directory) {
  auto lock = base::open_file(directory + "/lock", O_RDWR | O_NOFOLLOW);
  if (!lock || ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) return {};
  return *std::move(lock);
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return Failure(Error::from_errno(errno, "remove", path));
}

Status take_away(const Leftover& item) {
  switch (item.kind) {
    case LeftoverKind::directory:
      return base::remove_tree(item.path);
    case LeftoverKind::file:
      return remove_file(item.path);
    case LeftoverKind::socket: {
      // Looked at again: one may have started since.
      Fd lock = lock_of(item.path.substr(0, item.path.rfind('/')));
      if (!lock) return Failure(base::conflict("its sandbox has started meanwhile"));
      return remove_file(item.path);
    }
    case LeftoverKind::cgroup:
      // The kernel refuses while a process is in it.
      if (::rmdir(item.path.c_str()) == 0 || errno == ENOENT) return {};
      return Failure(Error::from_errno(errno, "remove the cgroup", item.path));
  }
  return {};
}

Time changed(const struct stat& about) {
  auto since = std::chrono::seconds(about.st_ctim.tv_sec) + std::chrono::nanoseconds(about.st_ctim.tv_nsec);
  return Time(std::chrono::duration_cast<Time::duration>(since));
}

// By the clock that dates files: this process may have another one (libfaketime). The epoch when it cannot be asked.
Time now_of_files() {
  struct stat about{};
  Fd file(::memfd_create("now", MFD_CLOEXEC));
  return file && ::fstat(file.get(), &about) == 0 ? changed(about) : Time();
}

}  // namespace

bool Leftovers::is_older(const std::string& path, Time limit) const {
  struct stat about{};
  return ::lstat(path.c_str(), &about) == 0 && changed(about) < limit;
}

void Leftovers::find_directories(Found& found) const {
  for (std::string& path : store_.half_done()) {
    std::string name = path.substr(path.rfind('/') + 1);
    if (!is_older(path, options_.began) || options_.is_alive(name)) continue;
    const char* why = name.starts_with('.') ? "a sandbox that was removed, but not all of it"
                                            : "a sandbox that was begun, and of which nothing was noted yet";
    found.push_back({LeftoverKind::directory, std::move(path), why, {}});
  }
}

void Leftovers::find_temporary_files(const std::string& directory, int depth, Found& found) const {
  for (const Name& name : names_in(directory)) {
    std::string path = directory + "/" + name.text;
    if (name.is_directory && depth > 0) find_temporary_files(path, depth - 1, found);
    if (!name.is_directory && is_temporary(name.text) && is_older(path, options_.began))
      found.push_back({LeftoverKind::file, std::move(path), "a file that was being replaced", {}});
  }
}

// Homes and copies of /etc are made beside their place, under a name with a dot more.
void Leftovers::find_half_copied(const std::string& directory, Found& found) const {
  for (const Name& name : names_in(directory)) {
    std::string path = directory + "/" + name.text;
    if (name.is_directory && name.text.contains('.') && is_older(path, options_.began))
      found.push_back({LeftoverKind::directory, std::move(path), "a copy that was being made", {}});
  }
}

void Leftovers::find_sockets(Found& found) const {
  for (const Name& name : names_in(options_.paths.sandboxes)) {
    std::string directory = options_.paths.sandboxes + "/" + name.text;
    std::string socket = directory + "/control.sock";
    if (!core::SandboxId::parse(name.text) || options_.is_alive(name.text) || !base::path_exists(socket)) continue;
    if (lock_of(directory)) found.push_back({LeftoverKind::socket, std::move(socket), "its supervisor was killed", {}});
  }
}

void Leftovers::find_cgroups(Found& found) const {
  const isolation::CgroupLayout& layout = options_.cgroups;
  std::set<std::string> parents;
  for (const isolation::ControllerParent* parent :
       {&layout.memory, &layout.pids, &layout.cpu, &layout.freezer, &layout.cpuacct, &layout.io})
    if (!parent->path.empty()) parents.insert(parent->path);
  for (const std::string& parent : parents) {
    for (const Name& name : names_in(parent)) {
      if (!name.is_directory || !core::SandboxId::parse(name.text) || options_.is_alive(name.text)) continue;
      std::string path = parent + "/" + name.text;
      bool ours = base::path_exists(store_.path_of(name.text));
      auto processes = base::read_file(path + "/cgroup.procs");
      if (!processes || !processes->empty()) continue;
      if (!ours && !is_older(path, now_of_files() - kStrangersAge)) continue;
      found.push_back(
          {LeftoverKind::cgroup, std::move(path), ours ? "its sandbox has stopped" : "of no sandbox, empty", {}});
    }
  }
}

std::vector<Leftover> Leftovers::find() const {
  constexpr int kDeepestTile = 8;
  Found found;
  find_directories(found);
  find_sockets(found);
  find_cgroups(found);
  find_temporary_files(options_.paths.ledger, kDeepestTile, found);
  for (const Name& name : names_in(options_.paths.sandboxes))
    if (core::SandboxId::parse(name.text)) find_temporary_files(options_.paths.sandboxes + "/" + name.text, 0, found);
  find_half_copied(options_.paths.homes, found);
  find_half_copied(options_.paths.cache, found);
  return found;
}

base::Result<core::ReapReport> Leftovers::reap(const std::string& principal) const {
  constexpr size_t kNamed = 200;
  core::ReapReport report{find()};
  if (report.items.empty()) return report;
  auto record = [&](const char* kind, base::json::Object payload) -> Status {
    core::Event event;
    event.kind = kind;
    event.principal = principal;
    event.payload = std::move(payload);
    (void)HV_TRY(recorder_.record(event));
    return {};
  };
  base::json::Array paths;
  for (const Leftover& item : report.items)
    if (paths.size() < kNamed) paths.emplace_back(item.path);
  HV_TRY(record("daemon.reaping", {{"count", report.items.size()}, {"paths", std::move(paths)}}));
  size_t failed = 0;
  for (Leftover& item : report.items) {
    Status done = take_away(item);
    if (done) continue;
    item.problem = done.error().message();
    ++failed;
  }
  HV_TRY(record("daemon.reaped", {{"count", report.items.size() - failed}, {"failed", failed}}));
  return report;
}

}  // namespace hv::service
