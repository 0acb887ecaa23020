// The user's config.toml: text -> Config. Pure. docs/policy.md holds the format's table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/run_request.h"

namespace hv::config {

struct Config {
  std::string default_policy = "restricted";
  // What a run gets that says nothing else; absent: as its policy says.
  std::optional<core::WorkspaceMode> workspace;
  bool keep = false;
  bool operator==(const Config&) const = default;
};

// invalid_argument with one line for each fault, as policies have them.
base::Result<Config> parse(std::string_view text, std::string_view file);
// The file at `path`; an absent one gives the defaults.
base::Result<Config> load(const std::string& path);

}  // namespace hv::config
