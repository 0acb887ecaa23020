#include "isolation/landlock.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"

namespace hv::isolation {
namespace {

using base::Error;
using base::Failure;
using base::Fd;

// The kernel's interface, written out because the headers of the oldest supported distribution end at ABI 2.
struct RulesetAttributes {
  uint64_t handled_fs;
  uint64_t handled_net;
  uint64_t scoped;
};
struct [[gnu::packed]] PathBeneath {
  uint64_t allowed;
  int32_t parent;
};
struct NetPort {
  uint64_t allowed;
  uint64_t port;
};
constexpr uint32_t create_ruleset_version = 1;
constexpr int rule_path_beneath = 1;
constexpr int rule_net_port = 2;

constexpr uint64_t fs_execute = 1 << 0;
constexpr uint64_t fs_write_file = 1 << 1;
constexpr uint64_t fs_read_file = 1 << 2;
constexpr uint64_t fs_read_dir = 1 << 3;
constexpr uint64_t fs_make_char = 1 << 6;
constexpr uint64_t fs_make_block = 1 << 11;
constexpr uint64_t fs_first_abi = (1 << 13) - 1;
constexpr uint64_t fs_refer = 1 << 13;      // ABI 2
constexpr uint64_t fs_truncate = 1 << 14;   // ABI 3
constexpr uint64_t fs_ioctl_dev = 1 << 15;  // ABI 5
constexpr uint64_t net_bind_tcp = 1;        // ABI 4
constexpr uint64_t net_connect_tcp = 2;
constexpr uint64_t scope_abstract_unix = 1;  // ABI 6
constexpr uint64_t scope_signal = 2;

constexpr uint64_t read_and_execute = fs_execute | fs_read_file | fs_read_dir;
constexpr uint64_t for_files = fs_execute | fs_write_file | fs_read_file | fs_truncate | fs_ioctl_dev;

uint64_t handled_filesystem(int abi) {
  uint64_t rights = fs_first_abi | fs_refer;
  if (abi >= 3) rights |= fs_truncate;
  if (abi >= 5) rights |= fs_ioctl_dev;
  return rights;
}

base::Status allow_path(int ruleset, const std::string& path, uint64_t rights) {
  Fd target(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!target) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return Failure(Error::from_errno(errno, "Landlock: open", path));
  }
  struct stat info{};
  if (::fstat(target.get(), &info) != 0) return Failure(Error::from_errno(errno, "Landlock: stat", path));
  // A rule on a file may carry only the rights that a file can have.
  if (!S_ISDIR(info.st_mode)) rights &= for_files;
  PathBeneath rule{.allowed = rights, .parent = target.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, rule_path_beneath, &rule, 0) != 0)
    return Failure(Error::from_errno(errno, "Landlock: add rule for", path));
  return {};
}

base::Status allow_port(int ruleset, uint16_t port, uint64_t rights) {
  NetPort rule{.allowed = rights, .port = port};
  if (::syscall(SYS_landlock_add_rule, ruleset, rule_net_port, &rule, 0) != 0)
    return Failure(Error::from_errno(errno, "Landlock: add rule for TCP port", std::to_string(port)));
  return {};
}

}  // namespace

int landlock_abi() {
  long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, create_ruleset_version);
  return version < 0 ? 0 : static_cast<int>(version);
}

LandlockReport foresee_landlock(const LandlockPlan& plan, int abi) {
  LandlockReport report;
  report.abi = abi;
  auto lacks = [&](std::string_view what, std::string_view since) {
    report.degradations.push_back(base::format("Landlock does not cover {}: needs {}", what, since));
  };
  if (abi < 1) {
    lacks("anything", "a kernel with Landlock switched on (lsm=...,landlock at boot)");
    return report;
  }
  if (!plan.filesystem) {
    report.degradations.emplace_back(
        "Landlock leaves the file system out: nested sandboxes are allowed, and any rule would make mount(2) fail");
  } else if (abi < 2) {
    // ABI 1 refuses every rename between directories, which breaks git and package managers.
    lacks("the file system", "kernel 5.19");
  } else {
    report.filesystem = true;
    if (abi < 3) lacks("truncate(2) of files that cannot be opened for writing", "kernel 6.2");
    if (abi < 5) lacks("ioctl(2) on devices", "kernel 6.10");
  }
  if (plan.tcp) {
    report.tcp = abi >= 4;
    if (!report.tcp) lacks("TCP ports", "kernel 6.7");
  }
  report.abstract_sockets = plan.scope_abstract_sockets && abi >= 6;
  report.signals = plan.scope_signals && abi >= 6;
  if (plan.scope_abstract_sockets && !report.abstract_sockets)
    lacks("abstract sockets (the network namespace still does)", "kernel 6.12");
  if (plan.scope_signals && !report.signals) lacks("signals (the process namespace still does)", "kernel 6.12");
  return report;
}

base::Result<LandlockReport> apply_landlock(const LandlockPlan& plan) {
  LandlockReport report = foresee_landlock(plan, landlock_abi());
  if (!report.anything()) return report;

  // An older kernel accepts the longer structure as long as what it does not know is zero.
  RulesetAttributes attributes{};
  if (report.filesystem) attributes.handled_fs = handled_filesystem(report.abi);
  if (report.tcp) attributes.handled_net = net_bind_tcp | net_connect_tcp;
  if (report.abstract_sockets) attributes.scoped |= scope_abstract_unix;
  if (report.signals) attributes.scoped |= scope_signal;
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset) return Failure(Error::from_errno(errno, "Landlock: create ruleset"));

  if (report.filesystem) {
    uint64_t everywhere = plan.executable ? read_and_execute & ~fs_execute : read_and_execute;
    if (!plan.readable) HV_TRY(allow_path(ruleset.get(), "/", everywhere));
    for (const std::string& path : plan.executable.value_or(std::vector<std::string>{}))
      HV_TRY(allow_path(ruleset.get(), path, fs_execute));
    for (const std::string& path : plan.readable.value_or(std::vector<std::string>{}))
      HV_TRY(allow_path(ruleset.get(), path, fs_read_file | fs_read_dir));
    // Device nodes are never made inside, whatever directory they would lie in.
    uint64_t all = attributes.handled_fs & ~(fs_make_char | fs_make_block);
    if (plan.executable) all &= ~fs_execute;
    for (const std::string& path : plan.writable) HV_TRY(allow_path(ruleset.get(), path, all));
  }
  if (report.tcp) {
    for (uint16_t port : plan.tcp->bind) HV_TRY(allow_port(ruleset.get(), port, net_bind_tcp));
    for (uint16_t port : plan.tcp->connect) HV_TRY(allow_port(ruleset.get(), port, net_connect_tcp));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return Failure(Error::from_errno(errno, "Landlock: restrict self"));
  return report;
}

}  // namespace hv::isolation
