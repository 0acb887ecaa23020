#include "api/routes.h"

#include <algorithm>
#include <array>

#include "api/handlers.h"
#include "api/server.h"
#include "base/text.h"

namespace hv::api {

namespace {

constexpr std::string_view kAuditQuery =
    "sandbox,kind,principal,path,host,verdict,risk,text,since,until,after,before,order,limit";
constexpr std::string_view kAuditStream = "sandbox,kind,principal,path,host,verdict,risk,text,since,until,after";

constexpr std::array kRoutes{
    Route{.method = "GET", .pattern = "/v1/version", .any_version = true, .on_loop = get_version},
    Route{.method = "POST", .pattern = "/v1/shutdown", .any_version = true, .on_loop = post_shutdown},
    Route{.method = "POST", .pattern = "/v1/reexec", .body = true, .any_version = true, .on_loop = post_reexec},
    Route{.method = "GET", .pattern = "/v1/doctor", .query = "workspace", .on_pool = get_doctor},
    Route{.method = "POST", .pattern = "/v1/doctor/reap", .on_pool = post_reap},

    Route{.method = "POST", .pattern = "/v1/run", .body = true, .open = post_run},
    Route{.method = "GET", .pattern = "/v1/sandboxes", .query = "label,state", .on_loop = list_sandboxes},
    Route{.method = "POST", .pattern = "/v1/sandboxes", .query = "start", .body = true, .open = post_sandbox},
    Route{.method = "GET", .pattern = "/v1/sandboxes/{name}", .on_pool = get_sandbox},
    Route{.method = "DELETE", .pattern = "/v1/sandboxes/{name}", .query = "force", .open = delete_sandbox},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/start", .open = post_start},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/stop", .body = true, .open = post_stop},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/extend", .body = true, .open = post_extend},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/kill", .body = true, .open = post_kill},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/pause", .open = post_pause},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/resume", .open = post_resume},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/rename", .body = true, .on_loop = post_rename},
    Route{.method = "GET", .pattern = "/v1/sandboxes/{name}/wait", .open = get_wait},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/network", .body = true, .on_loop = post_network},
    Route{.method = "GET", .pattern = "/v1/sandboxes/{name}/stats", .on_pool = get_stats},
    Route{.method = "GET", .pattern = "/v1/usage", .query = "follow,interval_ms", .open = get_usage},
    Route{.method = "GET", .pattern = "/v1/sandboxes/{name}/logs", .query = "follow", .open = get_logs},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/exec", .body = true, .open = post_exec},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/attach", .body = true, .open = post_attach},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/probe", .body = true, .open = post_probe},

    Route{.method = "GET",
          .pattern = "/v1/sandboxes/{name}/diff",
          .query = "path,statistics,format",
          .on_pool = get_diff},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/apply", .body = true, .on_pool = post_apply},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/discard", .body = true, .on_pool = post_discard},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/undo", .on_pool = post_undo},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/sync", .on_pool = post_sync},

    Route{.method = "GET", .pattern = "/v1/proofs", .query = "sandbox,limit", .on_pool = list_proofs},
    Route{.method = "GET", .pattern = "/v1/policies", .on_pool = list_policies},
    Route{.method = "GET", .pattern = "/v1/policies/{name}", .on_pool = get_policy},
    Route{.method = "PUT", .pattern = "/v1/policies/{name}", .body = true, .on_pool = put_policy},
    Route{.method = "GET", .pattern = "/v1/policies/{name}/effective", .on_pool = get_effective_policy},
    Route{.method = "GET", .pattern = "/v1/policies/{name}/explain", .on_pool = get_policy_explanation},
    Route{.method = "POST", .pattern = "/v1/policies/{name}/validate", .body = true, .on_pool = post_policy_validate},
    Route{.method = "POST", .pattern = "/v1/policies/{name}/check", .body = true, .on_pool = post_policy_check},
    Route{.method = "POST", .pattern = "/v1/policies/{name}/diff", .body = true, .on_pool = post_policy_diff},
    Route{.method = "POST", .pattern = "/v1/policies/{name}/simulate", .body = true, .on_pool = post_policy_simulate},
    Route{.method = "POST", .pattern = "/v1/sandboxes/{name}/learn", .body = true, .on_pool = post_policy_learn},
    Route{.method = "GET", .pattern = "/v1/agents", .on_pool = list_agents},
    Route{.method = "GET", .pattern = "/v1/agents/{name}", .on_pool = get_agent},
    Route{.method = "GET", .pattern = "/v1/homes", .on_pool = list_homes},
    Route{.method = "DELETE", .pattern = "/v1/homes/{key}", .on_pool = delete_home},

    Route{.method = "GET", .pattern = "/v1/access", .on_pool = get_access},
    Route{.method = "POST", .pattern = "/v1/access/check", .body = true, .on_pool = post_access_check},
    Route{.method = "GET", .pattern = "/v1/tokens", .on_pool = list_tokens},
    Route{.method = "POST", .pattern = "/v1/tokens", .body = true, .on_pool = post_token},
    Route{.method = "DELETE", .pattern = "/v1/tokens/{id}", .on_pool = delete_token},

    Route{.method = "GET", .pattern = "/v1/audit/events", .query = kAuditQuery, .on_pool = list_audit_events},
    Route{.method = "GET", .pattern = "/v1/audit/events/{index}", .on_pool = get_audit_event},
    Route{.method = "GET", .pattern = "/v1/audit/tail", .query = kAuditStream, .open = get_audit_tail},
    Route{.method = "GET",
          .pattern = "/v1/audit/export",
          .query = "sandbox,kind,principal,path,host,verdict,risk,text,since,until,after,before,format,checkpoint",
          .open = get_audit_export},
    Route{.method = "POST", .pattern = "/v1/audit/verify", .query = "since", .on_pool = post_audit_verify},
    Route{.method = "POST", .pattern = "/v1/audit/prune", .body = true, .on_pool = post_audit_prune},
    Route{.method = "GET", .pattern = "/v1/events", .query = "after", .open = get_events},
};

constexpr bool each_has_one_handler() {
  return std::ranges::all_of(kRoutes, [](const Route& route) {
    return (route.on_loop != nullptr) + (route.on_pool != nullptr) + (route.open != nullptr) == 1;
  });
}
static_assert(each_has_one_handler());

// The value of the pattern's parameter, or "" for a pattern without one; nullopt when the path is another.
std::optional<std::string> fit(std::string_view pattern, const std::vector<std::string>& segments) {
  std::vector<std::string> parts = base::split(pattern.substr(1), '/');
  if (parts.size() != segments.size()) return std::nullopt;
  std::string parameter;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].starts_with('{')) {
      parameter = segments[i];
    } else if (parts[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return parameter;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

Match match(std::string_view method, const std::vector<std::string>& segments) {
  Match found;
  for (const Route& route : kRoutes) {
    auto parameter = fit(route.pattern, segments);
    if (!parameter) continue;
    if (route.method == method) return {&route, {*std::move(parameter)}, {}};
    found.allowed.append(found.allowed.empty() ? "" : ", ").append(route.method);
  }
  return found;
}

std::string print_routes() {
  std::string out;
  for (const Route& route : kRoutes) out.append(route.method).append(" ").append(route.pattern).append("\n");
  return out;
}

}  // namespace hv::api
