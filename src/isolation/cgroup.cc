#include "isolation/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "base/rollback.h"

namespace hv::isolation {
namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Status;

// 0 or the errno.
int write_value(const std::string& path, std::string_view value) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno;
  return ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()) ? 0 : errno;
}

// Without a heap: the supervisor polls these.
std::optional<std::string_view> read_value(const std::string& path, std::span<char> buffer) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
  if (count < 0) return std::nullopt;
  return std::string_view(buffer.data(), static_cast<size_t>(count));
}

uint64_t number_at_start(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The number after `key` at the start of a line ("oom_kill 3").
bool read_keyed(const std::string& path, std::string_view key, uint64_t& value) {
  char buffer[4096];
  auto text = read_value(path, buffer);
  if (!text) return false;
  for (size_t start = 0; start < text->size();) {
    size_t end = std::min(text->find('\n', start), text->size());
    std::string_view line = text->substr(start, end - start);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') {
      value = number_at_start(line.substr(key.size() + 1));
      return true;
    }
    start = end + 1;
  }
  return false;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Status require(const std::string& path, std::string_view value) {
  if (int error = write_value(path, value); error != 0)
    return Failure(Error::from_errno(error, base::format("set the limit '{}' in", value), path));
  return {};
}

constexpr uint64_t cpu_period_us = 100000;

// False where this directory does not count processors.
base::Result<bool> write_cpu_limit(const std::string& directory, uint32_t millis) {
  uint64_t quota = std::max<uint64_t>(cpu_period_us * millis / 1000, 1000);  // the kernel's least is one millisecond
  if (exists(directory + "/cpu.max")) {
    HV_TRY(require(directory + "/cpu.max",
                   millis == 0 ? base::format("max {}", cpu_period_us) : base::format("{} {}", quota, cpu_period_us)));
    return true;
  }
  if (!exists(directory + "/cpu.cfs_quota_us")) return false;
  HV_TRY(require(directory + "/cpu.cfs_period_us", std::to_string(cpu_period_us)));
  HV_TRY(require(directory + "/cpu.cfs_quota_us", millis == 0 ? "-1" : std::to_string(quota)));
  return true;
}

Status write_limits(const std::string& directory, const core::Limits& limits, CgroupPlan& plan) {
  bool unified = exists(directory + "/cgroup.controllers");
  std::string memory = std::to_string(limits.memory_bytes);
  if (limits.memory_bytes != 0 && unified && exists(directory + "/memory.max")) {
    HV_TRY(require(directory + "/memory.max", memory));
    if (write_value(directory + "/memory.swap.max", "0") != 0)
      plan.not_enforced.push_back({"swap", "the kernel does not account swap: what is swapped out is not counted"});
  }
  if (limits.memory_bytes != 0 && !unified && exists(directory + "/memory.limit_in_bytes")) {
    HV_TRY(require(directory + "/memory.limit_in_bytes", memory));
    if (write_value(directory + "/memory.memsw.limit_in_bytes", memory) != 0)
      plan.not_enforced.push_back(
          {"swap", "the kernel does not account swap (boot with swapaccount=1): what is swapped out is not counted"});
  }
  if (limits.pids != 0 && exists(directory + "/pids.max"))
    HV_TRY(require(directory + "/pids.max", std::to_string(limits.pids)));
  if (limits.cpu_millis != 0) (void)HV_TRY(write_cpu_limit(directory, limits.cpu_millis));
  if (plan.io_device.empty()) return {};
  if (unified && exists(directory + "/io.max"))
    HV_TRY(require(directory + "/io.max", base::format("{0} rbps={1} wbps={1}", plan.io_device, limits.io_bytes)));
  for (const char* name : {"/blkio.throttle.read_bps_device", "/blkio.throttle.write_bps_device"})
    if (!unified && exists(directory + name))
      HV_TRY(require(directory + name, base::format("{} {}", plan.io_device, limits.io_bytes)));
  return {};
}

}  // namespace

CgroupPlan plan_cgroups(const CgroupLayout& layout, const std::string& id, const core::Limits& limits,
                        const IoDevice& device) {
  CgroupPlan plan;
  auto use = [&](const ControllerParent& parent) {
    if (parent.path.empty()) return false;
    std::string directory = parent.path + "/" + id;
    if (std::ranges::find(plan.directories, directory) == plan.directories.end())
      plan.directories.push_back(std::move(directory));
    return true;
  };
  auto limit = [&](const char* name, uint64_t value, const ControllerParent& parent) {
    if (value == 0) return;
    if (use(parent))
      plan.enforced.emplace_back(name);
    else
      plan.not_enforced.push_back({name, parent.reason});
  };
  limit("memory", limits.memory_bytes, layout.memory);
  limit("pids", limits.pids, layout.pids);
  limit("cpu", limits.cpu_millis, layout.cpu);
  if (limits.io_bytes != 0 && device.number.empty()) {
    plan.not_enforced.push_back({"io", device.reason});
  } else if (limits.io_bytes != 0) {
    limit("io", limits.io_bytes, layout.io);
    plan.io_device = device.number;
    if (!layout.io.path.empty() && !layout.io.unified)
      plan.not_enforced.push_back(
          {"buffered io",
           "version 1 of cgroups slows reading and direct writing; what is written through the cache is not slowed"});
  }
  // Pausing needs the freezer, and on version 1 a hierarchy of its own, as the count of processor time does. Other
  // counters without a limit are not worth a directory there.
  plan.can_freeze = use(layout.freezer);
  // Also without a limit: as one group for the scheduler, a sandbox that forks without end keeps nobody else's threads
  // waiting. In everybody's group the ledger's waited for seconds beside twenty of them (bench/ledger_load.py).
  plan.can_throttle = use(layout.cpu);
  use(layout.cpuacct);
  plan.scoped = layout.scoped;
  plan.kind = plan.scoped              ? "cgroups through systemd"
              : layout.freezer.unified ? "cgroups of version 2"
                                       : "cgroups of version 1";
  if (plan.scoped) plan.directories.clear();
  return plan;
}

void lie_in(CgroupPlan& plan, const std::string& scope, const std::string& id) {
  plan.directories = {scope + "/" + id};
}

Status create_cgroups(CgroupPlan& plan, const core::Limits& limits) {
  base::Rollback rollback;
  for (const std::string& directory : plan.directories) {
    if (::mkdir(directory.c_str(), 0755) != 0) return Failure(Error::from_errno(errno, "make the cgroup", directory));
    rollback.add([&directory] { ::rmdir(directory.c_str()); });
    HV_TRY(write_limits(directory, limits, plan));
  }
  rollback.release();
  return {};
}

Status join_cgroups(const CgroupEntry& entry) {
  for (const Fd& file : entry.files)
    if (::write(file.get(), "0", 1) != 1) return Failure(Error::from_errno(errno, "join a cgroup"));
  return {};
}

base::Result<CgroupEntry> Cgroup::entry() const {
  CgroupEntry entry;
  for (const std::string& directory : directories_) {
    Fd file(::open((directory + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) file = Fd(::open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return Failure(Error::from_errno(errno, "open the cgroup", directory));
    entry.files.push_back(std::move(file));
  }
  return entry;
}

Fd Cgroup::clone_directory() const {
  if (directories_.size() != 1 || !exists(directories_.front() + "/cgroup.controllers")) return Fd();
  return Fd(::open(directories_.front().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

namespace {

// The freezer's switch in one of the directories, empty without one.
std::string freezer_file(const std::vector<std::string>& directories, bool& unified) {
  for (const std::string& directory : directories) {
    for (const char* name : {"/freezer.state", "/cgroup.freeze"}) {
      if (!exists(directory + name)) continue;
      unified = name[1] == 'c';
      return directory + name;
    }
  }
  return {};
}

Status set_frozen(const std::vector<std::string>& directories, bool on) {
  bool unified = false;
  std::string file = freezer_file(directories, unified);
  if (file.empty()) return Failure(base::unsupported("pause: no freezer cgroup can be used here"));
  const char* value = unified ? (on ? "1" : "0") : (on ? "FROZEN" : "THAWED");
  if (int error = write_value(file, value); error != 0)
    return Failure(Error::from_errno(error, on ? "freeze" : "thaw", file));
  return {};
}

}  // namespace

Status Cgroup::freeze() const {
  return set_frozen(directories_, true);
}
Status Cgroup::thaw() const {
  return set_frozen(directories_, false);
}

base::Result<bool> Cgroup::frozen() const {
  bool unified = false;
  std::string file = freezer_file(directories_, unified);
  if (file.empty()) return Failure(base::unsupported("pause: no freezer cgroup can be used here"));
  if (unified) {
    uint64_t value = 0;
    read_keyed(file.substr(0, file.rfind('/')) + "/cgroup.events", "frozen", value);
    return value == 1;
  }
  char buffer[32];
  auto state = read_value(file, buffer);
  return state && state->starts_with("FROZEN");
}

Status Cgroup::limit_cpu(uint32_t millis) const {
  bool done = false;
  for (const std::string& directory : directories_) done = HV_TRY(write_cpu_limit(directory, millis)) || done;
  if (!done) return Failure(base::unsupported("limit processors: no cgroup for them can be used here"));
  return {};
}

Status Cgroup::kill_all() const {
  if (directories_.empty()) return {};
  const std::string& directory = directories_.front();
  if (write_value(directory + "/cgroup.kill", "1") == 0) return {};
  // A process that forks while the list is read has children that are not in it: look until there are none.
  for (int round = 0; round < 64; ++round) {
    auto list = base::read_file(directory + "/cgroup.procs");
    if (!list) return list.error().os_error() == ENOENT ? Status() : Failure(std::move(list).error());
    if (list->empty()) return {};
    for (size_t start = 0; start < list->size(); start = std::min(list->find('\n', start), list->size()) + 1) {
      auto pid = static_cast<pid_t>(number_at_start(std::string_view(*list).substr(start)));
      if (pid > 0) ::kill(pid, SIGKILL);
    }
    if (auto thawed = thaw(); !thawed && thawed.error().code() != base::ErrorCode::unsupported) return thawed;
    ::poll(nullptr, 0, 1);
  }
  return Failure(base::unavailable("kill what runs in the cgroup: processes are left: " + directory));
}

Status Cgroup::remove(std::chrono::milliseconds deadline) const {
  auto end = std::chrono::steady_clock::now() + deadline;
  for (const std::string& directory : directories_) {
    while (::rmdir(directory.c_str()) != 0 && errno != ENOENT) {
      if (errno != EBUSY) return Failure(Error::from_errno(errno, "remove the cgroup", directory));
      if (std::chrono::steady_clock::now() >= end)
        return Failure(base::unavailable("remove the cgroup: processes are left: " + directory));
      // The kernel tells nobody when the last task has left a version 1 cgroup.
      ::poll(nullptr, 0, 1);
    }
  }
  return {};
}

}  // namespace hv::isolation
