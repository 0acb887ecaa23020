#include "service/supervisor_maker.h"

#include <cerrno>
#include <csignal>

#include <sys/wait.h>

#include "base/random.h"
#include "base/text.h"

namespace hv::service {

base::Result<runtime::SupervisorLink> SupervisorMaker::start() const {
  runtime::SupervisorLink link = HV_TRY(runtime::SupervisorLink::spawn(program_));
  if (!systemd_) return link;
  auto enter = [&]() -> base::Result<std::string> {
    std::string name = base::to_hex(HV_TRY(base::random_bytes(8)));
    return isolation::enter_scope(*systemd_, link.child(), name);
  };
  base::Result<std::string> scope = enter();
  if (!scope) {
    ::kill(link.child(), SIGKILL);
    while (::waitpid(link.child(), nullptr, 0) < 0 && errno == EINTR) continue;
    return base::Failure(
        std::move(scope).error().with_hint("what the service manager says: systemctl status, systemctl --user status"));
  }
  link.lies_in(*std::move(scope));
  return link;
}

Cgroups find_cgroups(const std::string& program, uint32_t uid) {
  isolation::CgroupSources sources;
  sources.uid = uid;
  std::string obstacle;
  if (auto systemd = isolation::find_systemd(uid)) {
    SupervisorMaker maker(program, *systemd);
    if (auto first = maker.start()) {
      sources.scope = first->cgroup();
      return {isolation::find_cgroup_parents(sources), std::move(maker), *std::move(first), sources.scope, {}};
    } else {
      obstacle = first.error().text();
    }
  }
  return {isolation::find_cgroup_parents(sources), SupervisorMaker(program, std::nullopt), std::nullopt, std::nullopt,
          std::move(obstacle)};
}

}  // namespace hv::service
