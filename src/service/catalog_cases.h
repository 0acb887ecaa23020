// What lies on the host beside sandboxes: policies, agent profiles and the sandboxes' homes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "core/host_info.h"
#include "core/sandbox_info.h"
#include "images/agent_profile.h"
#include "images/home.h"
#include "policy/catalog.h"

namespace hv::service {

// Thread-safe.
class CatalogCases {
 public:
  struct Places {
    std::string policies;  // the user's own, NAME.toml
    std::string agents;
    std::string homes;
  };
  // All sandboxes there are, by any thread.
  using Sandboxes = std::function<std::vector<core::SandboxInfo>()>;
  // `principal` is whom removals are recorded as done by where nobody else is named: the daemon's owner.
  CatalogCases(const Places& places, Sandboxes sandboxes, core::Recorder& recorder, std::string principal);

  base::Result<std::vector<core::PolicyInfo>> policies() const { return policies_.list(); }
  base::Result<core::PolicyInfo> policy(std::string_view name) const { return policies_.info(name); }
  base::Result<std::vector<core::AgentInfo>> agents() const { return agents_.list(); }
  base::Result<core::AgentInfo> agent(std::string_view name) const { return agents_.info(name); }
  // With the names of the sandboxes that use each now.
  base::Result<std::vector<core::HomeInfo>> homes() const;
  // conflict while a sandbox that is alive uses it: its login and its agent's memory lie there.
  base::Status remove_home(std::string_view key, const std::string& by = {}) const;
  // The profile that a start with this request would have: empty when there is none of that name.
  std::string agent_of(const core::RunRequest& request) const;

 private:
  std::vector<std::string> users_of(std::string_view key, const std::vector<core::SandboxInfo>& sandboxes) const;

  policy::Catalog policies_;
  images::AgentCatalog agents_;
  images::HomeStore homes_;
  Sandboxes sandboxes_;
  core::Recorder& recorder_;
  std::string principal_;
};

}  // namespace hv::service
