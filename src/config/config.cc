#include "config/config.h"

#include <algorithm>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "base/toml.h"
#include "base/units.h"

namespace hv::config {

namespace {

using base::Failure;
using base::format;
using base::Result;

constexpr size_t kLargestFile = size_t{1} << 20;

// The key's value as text; a value of the wrong kind becomes a fault of the table.
std::optional<std::string> read_value(base::toml::Table& table, const KeySpec& setting) {
  switch (setting.kind) {
    case Kind::boolean: {
      auto flag = table.boolean(setting.name);
      if (!flag) return std::nullopt;
      return *flag ? "true" : "false";
    }
    case Kind::choice: {
      auto index = table.choice(setting.name, setting.choices);
      if (!index) return std::nullopt;
      return setting.choices[*index];
    }
    case Kind::text:
    case Kind::duration:
    case Kind::size:
      break;
  }
  auto text = table.string(setting.name);
  if (!text || check_value(setting, *text)) return text;
  table.fault(setting.name, setting.kind == Kind::duration ? "expected a duration of at least an hour, such as \"90d\""
                            : setting.kind == Kind::size   ? "expected a size of at least 1MiB, such as \"10GiB\""
                                                           : "expected one line of text, not empty");
  return std::nullopt;
}

Result<std::vector<Value>> read_layer(const std::string& path, Origin origin) {
  if (!base::path_exists(path)) return std::vector<Value>{};
  std::string text = HV_TRY_CONTEXT(base::read_file(path, kLargestFile), "read the configuration");
  return parse(text, path, origin);
}

void put_over(Effective& all, std::vector<Value> layer) {
  for (Value& value : layer)
    for (Value& below : all)
      if (below.setting == value.setting) {
        below = std::move(value);
        break;
      }
}

const std::optional<std::string>& value_of(const Effective& all, std::string_view key) {
  return std::ranges::find(all, key, [](const Value& value) { return value.setting->key(); })->text;
}

}  // namespace

Result<std::vector<Value>> parse(std::string_view text, std::string_view file, Origin origin) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  base::toml::Table root = reader.root();
  reader.expect_version(root, 1);
  std::vector<Value> values;
  std::map<std::string_view, base::toml::Table> sections;
  for (const KeySpec& setting : settings()) {
    auto known = sections.find(setting.section);
    if (known == sections.end()) known = sections.emplace(setting.section, root.table(setting.section)).first;
    base::toml::Table& table = known->second;
    std::optional<std::string> value = read_value(table, setting);
    if (!value) continue;
    base::toml::Place at = table.span(setting.name)->begin;
    values.push_back({&setting, std::move(value), origin, format("{}:{}:{}", file, at.line, at.column)});
  }
  for (auto& [name, table] : sections) table.finish();
  root.finish();
  HV_TRY(reader.finish());
  return values;
}

Result<std::vector<Value>> parse_environment(const std::vector<core::Variable>& environment) {
  std::vector<Value> values;
  std::vector<std::string> faults;
  std::vector<std::string> names;
  for (const KeySpec& setting : settings())
    if (!setting.only_in_files) names.push_back(setting.variable());
  for (const core::Variable& variable : environment) {
    auto is_ours = [&](const KeySpec& setting) {
      std::string own = setting.variable();
      return variable.name.starts_with(own.substr(0, own.size() - setting.name.size()));
    };
    // An empty variable says nothing, so that one can be taken back for a single command.
    if (variable.value.empty() || std::ranges::none_of(settings(), is_ours)) continue;
    auto setting = std::ranges::find(settings(), variable.name, &KeySpec::variable);
    if (setting == settings().end()) {
      std::string fault = format("{}: unknown key", base::printable(variable.name));
      if (auto near = base::nearest(variable.name, names)) fault += format(" (did you mean '{}'?)", *near);
      faults.push_back(std::move(fault));
      continue;
    }
    if (setting->only_in_files) {
      faults.push_back(
          format("{}: the daemon would not see it: only config.toml says '{}' (hydravisor config set {} "
                 "VALUE)",
                 variable.name, setting->key(), setting->key()));
      continue;
    }
    Result<std::string> value = check_value(*setting, variable.value);
    if (value)
      values.push_back({&*setting, *std::move(value), Origin::environment, variable.name});
    else
      faults.push_back(format("{}: {}", variable.name, value.error().message()));
  }
  if (!faults.empty()) return Failure(base::invalid_argument(base::join(faults, "\n")));
  return values;
}

Result<Effective> resolve(const Sources& sources, const std::map<std::string, std::string>& flags) {
  Effective all;
  for (const KeySpec& setting : settings()) {
    Value value{.setting = &setting, .text = std::nullopt, .origin = Origin::standard, .place = {}};
    if (setting.fallback) value.text = std::string(*setting.fallback);
    all.push_back(std::move(value));
  }
  put_over(all, HV_TRY(read_layer(sources.system_file, Origin::system)));
  if (sources.user_file != sources.system_file) put_over(all, HV_TRY(read_layer(sources.user_file, Origin::user)));
  put_over(all, HV_TRY(parse_environment(sources.environment)));
  for (Value& value : all) {
    auto flag = flags.find(std::string(value.setting->flag));
    if (flag == flags.end()) continue;
    std::string place = format("--{}", value.setting->flag);
    std::string text = HV_TRY_CONTEXT(check_value(*value.setting, flag->second), place);
    value = {value.setting, std::move(text), Origin::flag, std::move(place)};
  }
  return all;
}

Result<Config> load(const Sources& sources) {
  Effective all = HV_TRY(resolve(sources));
  Config config;
  config.default_policy = *value_of(all, "run.policy");
  if (auto mode = value_of(all, "run.workspace"))
    config.workspace = HV_TRY(core::parse_name<core::WorkspaceMode>(*mode));
  config.keep = value_of(all, "run.keep") == "true";
  if (auto keep = value_of(all, "audit.keep_payloads")) config.keep_payloads = HV_TRY(base::parse_duration(*keep));
  if (auto keep = value_of(all, "audit.keep")) config.keep_records = HV_TRY(base::parse_duration(*keep));
  if (auto most = value_of(all, "audit.keep_bytes")) config.keep_bytes = HV_TRY(base::parse_bytes(*most)).value;
  return config;
}

}  // namespace hv::config
