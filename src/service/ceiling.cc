#include "service/ceiling.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace hv::service {

using base::Failure;

namespace {

bool has(std::string_view policies, std::string_view name) {
  std::vector<std::string> parts = base::split(policies, '+');
  return std::ranges::find(parts, name) != parts.end();
}

}  // namespace

std::string under_ceiling(std::string policy, std::string_view ceiling) {
  if (ceiling.empty()) return policy;
  for (const std::string& name : base::split(ceiling, '+'))
    if (!has(policy, name)) policy.append("+").append(name);
  return policy;
}

bool is_under(std::string_view ceiling, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& name) { return has(ceiling, name); });
}

base::Status put_under(core::RunRequest& request, const std::vector<std::string>& ceilings) {
  if (ceilings.empty()) return {};
  const core::LimitsRequest& limits = request.limits;
  bool wants_limits = limits.memory_bytes || limits.pids || limits.cpu_millis || limits.io_bytes || limits.open_files ||
                      limits.disk_bytes || limits.wall_millis || limits.idle_millis;
  const std::pair<bool, std::string_view> beyond[] = {
      {!request.allow.empty(), "--allow"},
      {!request.allow_private.empty(), "--allow-private"},
      {!request.host_ports.empty(), "--host-port"},
      {!request.read.empty(), "--read"},
      {!request.write.empty(), "--write"},
      {wants_limits, "limits of one's own"},
      {limits.accept_unenforced, "--accept-unenforced-limits"},
      {!request.allow_degraded.empty(), "--allow-degraded"},
      {!request.skipped_layers.empty(), "--skip-layer"},
      {request.rootfs.has_value(), "--rootfs"},
      // A copy it has anyway; live is the host's own.
      {request.workspace.mode == core::WorkspaceMode::live, "--workspace live"},
  };
  for (auto [asked, option] : beyond)
    if (asked)
      return Failure(base::denied(base::format("{} goes beyond the ceiling of whoever starts this sandbox: '{}'",
                                               option, base::join(ceilings, "+")))
                         .with_hint("leave it out, or have it written into that policy"));
  request.ceiling = under_ceiling(request.ceiling.value_or(ceilings.front()), base::join(ceilings, "+"));
  request.copy_only = true;
  return {};
}

}  // namespace hv::service
