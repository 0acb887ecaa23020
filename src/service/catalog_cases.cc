#include "service/catalog_cases.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/text.h"

namespace hv::service {

namespace {

bool is_alive(core::SandboxState state) {
  using core::SandboxState;
  return state == SandboxState::starting || state == SandboxState::running || state == SandboxState::paused ||
         state == SandboxState::stopping;
}

}  // namespace

CatalogCases::CatalogCases(const Places& places, Sandboxes sandboxes, core::Recorder& recorder, std::string principal)
    : policies_(places.policies),
      agents_(places.agents),
      homes_(places.homes),
      sandboxes_(std::move(sandboxes)),
      recorder_(recorder),
      principal_(std::move(principal)) {}

std::vector<std::string> CatalogCases::users_of(std::string_view key,
                                                const std::vector<core::SandboxInfo>& sandboxes) const {
  std::vector<std::string> names;
  for (const core::SandboxInfo& sandbox : sandboxes)
    if (sandbox.home == key && is_alive(sandbox.state)) names.push_back(sandbox.name);
  std::ranges::sort(names);
  return names;
}

base::Result<std::vector<core::HomeInfo>> CatalogCases::homes() const {
  std::vector<core::HomeInfo> homes = HV_TRY(homes_.list());
  std::vector<core::SandboxInfo> sandboxes = sandboxes_();
  for (core::HomeInfo& home : homes) home.sandboxes = users_of(home.key, sandboxes);
  return homes;
}

base::Status CatalogCases::remove_home(std::string_view key, const std::string& by) const {
  if (std::vector<std::string> users = users_of(key, sandboxes_()); !users.empty())
    return base::Failure(
        base::conflict(base::format("remove home '{}': in use by {}", base::printable(key), base::join(users, ", ")))
            .with_hint("stop it first: hydravisor stop " + users.front()));
  std::vector<core::HomeInfo> homes = HV_TRY(homes_.list());
  auto home = std::ranges::find(homes, key, &core::HomeInfo::key);
  if (home != homes.end()) {
    core::Event event;
    event.kind = "home.removing";
    event.principal = by.empty() ? principal_ : by;
    event.payload = {{"key", home->key}, {"agent", home->agent}, {"project", home->project}, {"bytes", home->bytes}};
    (void)HV_TRY_CONTEXT(recorder_.record(event), "remove a home");
  }
  // One that is not there is not_found here, with the nearest name.
  HV_TRY(homes_.remove(key));
  core::Event event;
  event.kind = "home.removed";
  event.principal = by.empty() ? principal_ : by;
  event.payload = {{"key", std::string(key)}};
  (void)HV_TRY_CONTEXT(recorder_.record(event), "the home is removed, but that could not be recorded");
  return {};
}

std::string CatalogCases::agent_of(const core::RunRequest& request) const {
  auto agent =
      request.agent ? agents_.load(*request.agent) : agents_.find(request.command.empty() ? "" : request.command[0]);
  return agent ? agent->name : "";
}

}  // namespace hv::service
