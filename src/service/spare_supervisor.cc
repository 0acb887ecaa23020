#include "service/spare_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

namespace hv::service {

base::Result<SpareSupervisor> SpareSupervisor::start(const std::string& program, std::optional<core::Groundwork> ground,
                                                     const base::Fd* user_namespace) {
  SpareSupervisor spare(HV_TRY(runtime::SupervisorLink::spawn(program)));
  if (!ground) return spare;
  // Before the supervisor looks: a change in between is seen as one.
  spare.mounts_ = HV_TRY(base::open_file("/proc/self/mountinfo", O_RDONLY));
  spare.identities_ = identities(*ground);
  HV_TRY(spare.link_.prepare(*ground, user_namespace));
  spare.ground_ = std::move(ground);
  return spare;
}

bool SpareSupervisor::fits(const core::Groundwork& ground) const {
  if (!ground_) return true;
  pollfd changed{mounts_.get(), POLLPRI, 0};
  return *ground_ == ground && ::poll(&changed, 1, 0) == 0 && identities_ == identities(ground);
}

std::optional<core::IdRange> SpareSupervisor::range() const {
  if (!ground_ || !ground_->host_root || ground_->uid_map.empty()) return std::nullopt;
  return ground_->uid_map.front();
}

std::vector<SpareSupervisor::Identity> SpareSupervisor::identities(const core::Groundwork& ground) {
  std::vector<Identity> all;
  for (const core::Mount& mount : ground.mounts) {
    if (mount.source.empty()) continue;
    struct stat about{};
    all.push_back(::stat(mount.source.c_str(), &about) == 0 ? Identity{about.st_dev, about.st_ino} : Identity{});
  }
  return all;
}

}  // namespace hv::service
