#include "service/doctor_case.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "base/units.h"
#include "images/workspace_check.h"
#include "isolation/overlay_trial.h"
#include "monitor/exit_source.h"

namespace hv::service {

using core::CheckStatus;
using core::DoctorCheck;

namespace {

// Below this a sandbox that writes a little already fails, and so does the ledger.
constexpr uint64_t kLittleSpace = uint64_t{256} << 20;

struct Program {
  const char* name;
  bool needed;  // no sandbox starts without it
};
constexpr std::array<Program, 5> kPrograms{{{"hydravisor-supervisor", true},
                                            {"hydravisor-init", true},
                                            {"hydravisor-gateway", true},
                                            {"hydravisor-worker", true},
                                            {"hydravisor-probe", false}}};

bool is_program(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// A file system that is full or read-only, and permissions, show only when something is written.
base::Status try_writing(const std::string& directory) {
  std::string path = base::format("{}/.doctor.{}", directory, ::getpid());
  base::Status written = base::replace_file(path, "hydravisor doctor\n");
  ::unlink(path.c_str());
  return written;
}

// The kind of file system, where it is one of those that cannot be below an overlay, or above.
std::string obstacle_of(const std::string& directory, bool upper) {
  struct statfs about{};
  if (::statfs(directory.c_str(), &about) != 0) return {};
  const char* name = images::overlay_obstacle(static_cast<unsigned long>(about.f_type), upper);
  return name == nullptr ? std::string() : base::format("it is on {}", name);
}

// Layers for a moment, in a directory of their own. Where this process is killed meanwhile, the next daemon removes it
// with what else was set aside.
class Scratch {
 public:
  explicit Scratch(const std::string& parent) : path_(parent + "/.removing-doctor-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Scratch() {
    if (!path_.empty()) static_cast<void>(base::remove_tree(path_));
  }
  Scratch(const Scratch&) = delete;

  // Over `lower`, or over a directory here in which there is something to replace. What cannot be tried is no fault.
  base::Status try_layers(const std::string& lower, const isolation::MachineSources& machine) const {
    if (path_.empty()) return {};
    for (const char* name : {"/lower/old.directory", "/upper", "/work"})
      if (!base::make_directories(path_ + name)) return {};
    if (!base::replace_file(path_ + "/lower/old.file", "")) return {};
    return isolation::try_overlay(lower.empty() ? path_ + "/lower" : lower, path_ + "/upper", path_ + "/work",
                                  machine.uid, machine.gid);
  }

 private:
  std::string path_;
};

}  // namespace

base::Result<core::DoctorReport> DoctorCase::doctor(const std::string& workspace) const {
  core::DoctorReport report = isolation::report_machine(isolation::examine_machine(options_.machine));
  report.checks.push_back(check_exits());
  for (DoctorCheck& check : check_installation()) {
    if (check.status == CheckStatus::missing) report.usable = false;
    report.checks.push_back(std::move(check));
  }
  if (auto check = check_workspace(workspace)) report.checks.push_back(*std::move(check));
  return report;
}

std::vector<DoctorCheck> DoctorCase::check_installation() const {
  std::vector<DoctorCheck> checks{check_programs(), check_state(), check_layers(), check_socket()};
  if (options_.ledger_failure) checks.push_back(check_ledger());
  if (options_.leftovers) checks.push_back(check_leftovers());
  return checks;
}

DoctorCheck DoctorCase::check_programs() const {
  std::vector<std::string> absent;
  DoctorCheck check{.id = "programs", .status = CheckStatus::ok, .detail = {}, .fix = {}};
  for (const Program& program : kPrograms) {
    if (is_program(options_.program_directory + "/" + program.name)) continue;
    absent.emplace_back(program.name);
    if (program.needed) {
      check.status = CheckStatus::missing;
    } else if (check.status == CheckStatus::ok) {
      check.status = CheckStatus::degraded;
    }
  }
  if (absent.empty()) {
    check.detail = "all in " + options_.program_directory;
    return check;
  }
  check.detail = base::format("{} {} not in {}: {}", base::join(absent, ", "), absent.size() == 1 ? "is" : "are",
                              options_.program_directory,
                              check.status == CheckStatus::missing ? "no sandbox can start, or its changes be read"
                                                                   : "`hydravisor probe` cannot be used");
  check.fix = "install Hydravisor again, all of its programs into one directory";
  return check;
}

DoctorCheck DoctorCase::check_state() const {
  const std::string& state = options_.paths.state;
  DoctorCheck check{.id = "state", .status = CheckStatus::ok, .detail = {}, .fix = {}};
  if (base::Status written = try_writing(state); !written) {
    check.status = CheckStatus::missing;
    check.detail = base::format("{} cannot be written: {}; sandboxes, homes and the ledger lie there", state,
                                base::printable(written.error().message()));
    int error = written.error().os_error();
    check.fix = error == ENOSPC || error == EDQUOT ? "make room: hydravisor ls, then hydravisor rm NAME"
                : error == EROFS ? "set XDG_STATE_HOME to a directory on a file system that can be written"
                                 : base::format("chown -R {} {} && chmod u+rwx {}", ::getuid(),
                                                base::shell_quote(state), base::shell_quote(state));
    return check;
  }
  struct statvfs space{};
  uint64_t left = ::statvfs(state.c_str(), &space) == 0 ? uint64_t{space.f_bavail} * space.f_frsize : UINT64_MAX;
  check.detail = base::format("{} can be written", state);
  if (left < kLittleSpace) {
    check.status = CheckStatus::degraded;
    check.detail += base::format(", but has only {} left", base::to_text(base::ByteCount{left}));
    check.fix = "make room: hydravisor ls, then hydravisor rm NAME";
  }
  return check;
}

DoctorCheck DoctorCase::check_layers() const {
  std::string directory = base::path_exists(options_.paths.sandboxes) ? options_.paths.sandboxes : options_.paths.state;
  DoctorCheck check{.id = "copy-on-write",
                    .status = CheckStatus::ok,
                    .detail = "sandboxes' changes can be kept in " + options_.paths.sandboxes,
                    .fix = {}};
  std::string why = obstacle_of(directory, true);
  // Where nothing can be written, check_state() says it.
  if (why.empty())
    if (base::Status tried = Scratch(directory).try_layers({}, options_.machine); !tried) why = tried.error().message();
  if (why.empty()) return check;
  check.status = CheckStatus::degraded;
  check.detail = base::format("{}: {}; --workspace cow fails", directory, base::printable(why));
  check.fix = "set XDG_STATE_HOME to a directory on a local file system such as ext4, xfs or btrfs";
  return check;
}

// One that holds the state cannot be a workspace anyhow, as a home: nothing is said of it.
std::optional<DoctorCheck> DoctorCase::check_workspace(const std::string& workspace) const {
  if (!workspace.starts_with('/') || ::access(workspace.c_str(), R_OK | X_OK) != 0) return std::nullopt;
  if (workspace == "/" || (options_.paths.sandboxes + "/").starts_with(workspace + "/")) return std::nullopt;
  DoctorCheck check{.id = "workspace",
                    .status = CheckStatus::ok,
                    .detail = base::format("a copy of {} can be worked on", base::printable(workspace)),
                    .fix = {}};
  std::string why = obstacle_of(workspace, false);
  if (why.empty())
    if (base::Status tried = Scratch(options_.paths.sandboxes).try_layers(workspace, options_.machine); !tried)
      why = tried.error().message();
  if (why.empty()) return check;
  check.status = CheckStatus::degraded;
  check.detail = base::format("{}: {}; --workspace cow fails", base::printable(workspace), base::printable(why));
  check.fix = "start with --workspace live, or work in a copy on a local disk";
  return check;
}

DoctorCheck DoctorCase::check_exits() const {
  DoctorCheck check{.id = "exit-codes", .status = CheckStatus::ok, .detail = {}, .fix = {}};
  switch (monitor::try_exit_means()) {
    case monitor::ExitMeans::descriptors:
      check.detail = "how programs inside ended is recorded";
      return check;
    case monitor::ExitMeans::connector:
      check.detail = "how programs inside ended is recorded, through the process connector";
      return check;
    case monitor::ExitMeans::none:
      break;
  }
  check.status = CheckStatus::degraded;
  check.detail = "how programs inside ended is recorded only of those that run and exec start";
  check.fix = "Linux 6.15 or later tells it; 6.6 or later does outside of containers, and older ones there to root";
  return check;
}

DoctorCheck DoctorCase::check_socket() const {
  const std::string& directory = options_.paths.runtime;
  DoctorCheck check{.id = "socket", .status = CheckStatus::ok, .detail = {}, .fix = {}};
  struct stat about{};
  auto fail = [&](std::string detail, std::string fix) {
    check.status = CheckStatus::missing;
    check.detail = std::move(detail);
    check.fix = std::move(fix);
    return check;
  };
  std::string quoted = base::shell_quote(directory);
  if (::stat(directory.c_str(), &about) != 0)
    return fail(base::format("{}: {}; commands reach the daemon by a socket there", directory,
                             base::printable(::strerrordesc_np(errno))),
                "mkdir -m 700 -p " + quoted);
  if (about.st_uid != ::getuid())
    return fail(base::format("{} belongs to user {}, who could put a false daemon there", directory, about.st_uid),
                base::format("chown {} {}", ::getuid(), quoted));
  if ((about.st_mode & 022) != 0)
    return fail(base::format("{} can be written by others, who could put a false daemon there", directory),
                "chmod 700 " + quoted);
  if (base::Status written = try_writing(directory); !written)
    return fail(base::format("{} cannot be written: {}", directory, base::printable(written.error().message())),
                "chmod u+rwx " + quoted);
  check.detail = options_.paths.socket;
  return check;
}

DoctorCheck DoctorCase::check_ledger() const {
  std::string failure = options_.ledger_failure();
  if (failure.empty())
    return {.id = "ledger", .status = CheckStatus::ok, .detail = "records in " + options_.paths.ledger, .fix = {}};
  return {
      .id = "ledger",
      .status = CheckStatus::missing,
      .detail = base::format("cannot record, and nothing happens that is not recorded: {}", base::printable(failure)),
      .fix = base::format("make room below {}, then: hydravisor daemon stop; the next command starts it again",
                          options_.paths.ledger)};
}

DoctorCheck DoctorCase::check_leftovers() const {
  constexpr size_t kNamed = 5;
  DoctorCheck check{.id = "leftovers", .status = CheckStatus::ok, .detail = "none", .fix = {}};
  std::vector<core::Leftover> found = options_.leftovers();
  if (found.empty()) return check;
  check.status = CheckStatus::degraded;
  check.detail = base::format("killed processes left {} behind: ",
                              found.size() == 1 ? "something" : base::format("{} things", found.size()));
  for (size_t i = 0; i < std::min(found.size(), kNamed); ++i)
    check.detail += base::format("{}{} ({})", i == 0 ? "" : ", ", base::printable(found[i].path), found[i].reason);
  if (found.size() > kNamed) check.detail += base::format(", and {} more", found.size() - kNamed);
  check.fix = "hydravisor doctor --reap";
  return check;
}

}  // namespace hv::service
