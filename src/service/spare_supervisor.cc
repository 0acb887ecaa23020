#include "service/spare_supervisor.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "images/host_view.h"

namespace hv::service {

base::Result<SpareSupervisor> SpareSupervisor::prepare(runtime::SupervisorLink link,
                                                       std::optional<core::Groundwork> ground,
                                                       const base::Fd* user_namespace) {
  SpareSupervisor spare(std::move(link));
  if (!ground) return spare;
  // Before the supervisor looks: a change in between is seen as one.
  spare.mounts_ = HV_TRY(base::open_file("/proc/self/mountinfo", O_RDONLY));
  spare.mounts_below_ = HV_TRY(spare.mounts_below(*ground));
  spare.identities_ = identities(*ground);
  HV_TRY(spare.link_.prepare(*ground, user_namespace));
  spare.ground_ = std::move(ground);
  return spare;
}

bool SpareSupervisor::is_alive() const {
  pollfd gone{link_.fd(), POLLIN, 0};
  return ::poll(&gone, 1, 0) == 0 || (gone.revents & (POLLHUP | POLLERR)) == 0;
}

bool SpareSupervisor::fits(const core::Groundwork& ground) const {
  if (!is_alive()) return false;
  if (!ground_) return true;
  if (*ground_ != ground || identities_ != identities(ground)) return false;
  pollfd changed{mounts_.get(), POLLPRI, 0};
  if (::poll(&changed, 1, 0) == 0) return true;
  // Other programs mount and unmount all the time; what matters is what a bind would have taken along.
  base::Result<std::string> now = mounts_below(ground);
  return now && *now == mounts_below_;
}

// Lines of proc_pid_mountinfo(5): the third field to the fifth are device, root and place.
base::Result<std::string> SpareSupervisor::mounts_below(const core::Groundwork& ground) const {
  if (::lseek(mounts_.get(), 0, SEEK_SET) != 0)
    return base::Failure(base::Error::from_errno(errno, "read the host's mounts"));
  std::string text = HV_TRY(base::read_all(mounts_.get()));
  std::string below;
  for (const std::string& line : base::split(text, '\n')) {
    std::vector<std::string> fields = base::split(line, ' ');
    if (fields.size() < 5) continue;
    bool lies_in_source = std::ranges::any_of(ground.mounts, [&](const core::Mount& mount) {
      return !mount.source.empty() && images::lies_in(fields[4], mount.source);
    });
    if (!lies_in_source) continue;
    // Numbers are given again: another file system at the same place shows by its root's time.
    struct stat root{};
    if (::stat(fields[4].c_str(), &root) != 0)
      return base::Failure(base::Error::from_errno(errno, "look at", fields[4]));
    below +=
        base::format("{} {} {} {}.{}\n", fields[2], fields[3], fields[4], root.st_ctim.tv_sec, root.st_ctim.tv_nsec);
  }
  return below;
}

std::optional<core::IdRange> SpareSupervisor::range() const {
  if (!ground_ || !ground_->host_root || ground_->uid_map.empty()) return std::nullopt;
  return ground_->uid_map.front();
}

std::vector<SpareSupervisor::Identity> SpareSupervisor::identities(const core::Groundwork& ground) {
  std::vector<Identity> all;
  for (const core::Mount& mount : ground.mounts) {
    if (mount.source.empty()) continue;
    struct statx about{};
    if (::statx(AT_FDCWD, mount.source.c_str(), AT_STATX_SYNC_AS_STAT, STATX_INO | STATX_BTIME, &about) != 0)
      about = {};
    all.push_back(
        {about.stx_dev_major, about.stx_dev_minor, about.stx_ino, about.stx_btime.tv_sec, about.stx_btime.tv_nsec});
  }
  return all;
}

}  // namespace hv::service
