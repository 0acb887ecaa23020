// What a known agent needs to work inside, as data: agents/NAME.toml. The user's files stand over the shipped ones.
// docs/agents.md is the format's page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_files.h"
#include "base/result.h"
#include "core/host_info.h"
#include "core/run_request.h"

namespace hv::images {

struct AgentProfile {
  std::string name;
  std::string description;
  std::vector<std::string> commands;  // base names that select it
  std::vector<std::string> copy;      // files and directories below the home, copied in at first use; never credentials
  std::vector<std::string> login;     // where the login lies inside the sandbox's home, which keeps it
  std::vector<std::string> pass;      // environment variables by exact name, or PREFIX*
  std::vector<core::Variable> set;    // environment variables that it always gets
  std::vector<std::string> hosts;     // that it talks to, as core::parse_rule() reads them
  uint64_t memory_floor = 0;          // a limit below this makes it fail
  bool sandboxes_commands = false;    // it wants nested sandboxes
  std::vector<std::string> sandbox_off;  // arguments that turn its own sandbox off
  std::string notes;
  bool operator==(const AgentProfile&) const = default;
};

base::Result<AgentProfile> parse_agent(std::string_view text, std::string_view file);

class AgentCatalog {
 public:
  // `directory` holds the user's NAME.toml files; it need not exist.
  explicit AgentCatalog(std::string directory) : directory_(std::move(directory)) {}

  // not_found names the nearest profile; a broken file of the user is invalid_argument.
  base::Result<AgentProfile> load(std::string_view name) const;
  // The profile that knows the command's base name; `shell` when none does. A user's broken file stops the search: it
  // may be the one meant.
  base::Result<AgentProfile> find(std::string_view command) const;
  base::Result<core::AgentInfo> info(std::string_view name) const;
  // Sorted by name, without texts. A file that does not parse is listed with its error as the description.
  base::Result<std::vector<core::AgentInfo>> list() const;

 private:
  std::vector<std::string> names() const;
  std::vector<std::string> user_names() const;
  std::string directory_;
};

// The profiles that are part of the program: data/agents.
const base::EmbeddedFiles& shipped_agents();

}  // namespace hv::images
