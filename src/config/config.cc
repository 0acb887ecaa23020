#include "config/config.h"

#include "base/fd.h"
#include "base/toml.h"

namespace hv::config {

base::Result<Config> parse(std::string_view text, std::string_view file) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  base::toml::Table root = reader.root();
  Config config;
  reader.expect_version(root, 1);
  base::toml::Table run = root.table("run");
  if (auto name = run.string("policy")) {
    if (name->empty())
      run.fault("policy", "expected a policy's name");
    else
      config.default_policy = *name;
  }
  std::vector<std::string> modes;
  for (auto [mode, name] : core::Names<core::WorkspaceMode>::table) modes.emplace_back(name);
  if (auto index = run.choice("workspace", modes))
    config.workspace = core::Names<core::WorkspaceMode>::table[*index].first;
  config.keep = run.boolean("keep").value_or(false);
  run.finish();
  root.finish();
  HV_TRY(reader.finish());
  return config;
}

base::Result<Config> load(const std::string& path) {
  if (!base::path_exists(path)) return Config{};
  std::string text = HV_TRY_CONTEXT(base::read_file(path, size_t{1} << 20), "read the configuration");
  return parse(text, path);
}

}  // namespace hv::config
