// What keeps sandboxes from starting here, and the exact fix: the machine's own abilities and this installation's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/host_info.h"
#include "core/paths.h"
#include "isolation/machine.h"

namespace hv::service {

// Thread-safe; takes some ten milliseconds and leaves nothing behind.
class DoctorCase {
 public:
  struct Options {
    core::Paths paths;
    std::string program_directory;  // where Hydravisor's own programs lie
    isolation::MachineSources machine;
    // Why the ledger refuses events now; empty: it does not. Not called when not set.
    std::function<std::string()> ledger_failure;
    // What killed processes left behind. Not called when not set.
    std::function<std::vector<core::Leftover>()> leftovers;
  };
  explicit DoctorCase(Options options) : options_(std::move(options)) {}

  // Of `workspace` too, an absolute path; empty: of none.
  base::Result<core::DoctorReport> doctor(const std::string& workspace = {}) const;
  // Only this installation: its programs, its directories, its ledger.
  std::vector<core::DoctorCheck> check_installation() const;

 private:
  core::DoctorCheck check_programs() const;
  core::DoctorCheck check_state() const;
  core::DoctorCheck check_layers() const;
  std::optional<core::DoctorCheck> check_workspace(const std::string& workspace) const;
  core::DoctorCheck check_socket() const;
  core::DoctorCheck check_exits() const;
  core::DoctorCheck check_ledger() const;
  core::DoctorCheck check_leftovers() const;

  Options options_;
};

}  // namespace hv::service
