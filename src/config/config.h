// config.toml: what is said once for every run. Four layers, the later before the earlier: the administrator's file,
// the user's, variables HYDRAVISOR_<SECTION>_<KEY>, options of the command. docs/policy.md holds the format's table.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/setting.h"
#include "core/names.h"
#include "core/run_request.h"

namespace hv::config {

enum class Origin { standard, system, user, environment, flag };

struct Value {
  const KeySpec* setting = nullptr;
  std::optional<std::string> text;  // absent: nobody says anything and there is no fallback
  Origin origin = Origin::standard;
  std::string place;  // "/etc/hydravisor/config.toml:3:10", "HYDRAVISOR_RUN_KEEP", "--keep"; empty for a fallback
};
// One for each setting, in the table's order.
using Effective = std::vector<Value>;

struct Sources {
  std::string system_file;
  std::string user_file;  // may be the same file, which then is the system's
  std::vector<core::Variable> environment;
};

struct Config {
  std::string default_policy = "restricted";
  // What a run gets that says nothing else; absent: as its policy says.
  std::optional<core::WorkspaceMode> workspace;
  bool keep = false;
  // What the ledger keeps; absent: all of it.
  std::optional<std::chrono::milliseconds> keep_payloads{};
  std::optional<std::chrono::milliseconds> keep_records{};
  std::optional<uint64_t> keep_bytes{};
  bool operator==(const Config&) const = default;
};

// What the text of one file says. invalid_argument with one line for each fault, as policies have them.
base::Result<std::vector<Value>> parse(std::string_view text, std::string_view file, Origin origin);
// What the variables say. Only names that begin with a known section are ours; among them an unknown key is a fault,
// and so is one that only files say.
base::Result<std::vector<Value>> parse_environment(const std::vector<core::Variable>& environment);
// All layers over each other. A file that does not exist says nothing; one that cannot be read or understood is an
// error, since what it forbids would otherwise be allowed. Files are read at each call, so an edit needs no restart.
base::Result<Effective> resolve(const Sources& sources, const std::map<std::string, std::string>& flags = {});
base::Result<Config> load(const Sources& sources);

}  // namespace hv::config

template <>
struct hv::core::Names<hv::config::Origin> {
  static constexpr std::string_view kind = "origin";
  static constexpr auto table = std::to_array<std::pair<hv::config::Origin, std::string_view>>({
      {hv::config::Origin::standard, "default"},
      {hv::config::Origin::system, "system"},
      {hv::config::Origin::user, "user"},
      {hv::config::Origin::environment, "environment"},
      {hv::config::Origin::flag, "flag"},
  });
};
