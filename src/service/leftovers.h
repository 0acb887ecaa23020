// What processes that were killed left behind in this installation: found, and taken away. Never what a living sandbox,
// this daemon or anybody else uses.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/host_info.h"
#include "core/paths.h"
#include "isolation/cgroup_layout.h"
#include "store/sandbox_store.h"

namespace hv::service {

class Leftovers {
 public:
  struct Options {
    core::Paths paths;
    isolation::CgroupLayout cgroups;  // systemd takes its scopes away by itself
    // When this daemon began: what is younger may be its own work under way.
    std::chrono::system_clock::time_point began;
    // Whether a sandbox of this id has, or is about to have, processes. Any thread.
    std::function<bool(const std::string& id)> is_alive;
  };
  // A cgroup of nobody we know may be one that another installation of this user is just about to enter.
  static constexpr std::chrono::seconds kStrangersAge{60};

  Leftovers(core::Recorder& recorder, Options options)
      : recorder_(recorder), options_(std::move(options)), store_(options_.paths.sandboxes) {}

  // Thread-safe, both. As long as the ledger has tiles: not for the loop.
  std::vector<core::Leftover> find() const;
  // What could not be taken away says why. Recorded, unless there is nothing.
  base::Result<core::ReapReport> reap(const std::string& principal) const;

 private:
  using Found = std::vector<core::Leftover>;
  void find_directories(Found& found) const;
  void find_temporary_files(const std::string& directory, int depth, Found& found) const;
  void find_half_copied(const std::string& directory, Found& found) const;
  void find_sockets(Found& found) const;
  void find_cgroups(Found& found) const;
  bool is_older(const std::string& path, std::chrono::system_clock::time_point limit) const;

  core::Recorder& recorder_;
  Options options_;
  store::SandboxStore store_;
};

}  // namespace hv::service
