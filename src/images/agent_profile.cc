#include "images/agent_profile.h"

#include <algorithm>
#include <filesystem>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "base/toml.h"
#include "base/units.h"
#include "core/egress_text.h"
#include "images/host_view.h"
#include "images/secret_paths.h"

namespace hv::images {

namespace {

using base::format;
using base::toml::Table;

constexpr size_t kLargestFile = size_t{1} << 20;
constexpr std::string_view kSuffix = ".toml";
constexpr std::string_view kFallback = "shell";

bool is_profile_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '-' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_variable(std::string_view text, bool pattern) {
  if (pattern && text.ends_with('*')) text.remove_suffix(1);
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// A path below the home: "~/" may stand before it.
std::vector<std::string> home_paths(Table& table, std::string_view key) {
  std::vector<std::string> paths = table.strings(key);
  for (size_t i = 0; i < paths.size(); ++i) {
    std::string& path = paths[i];
    if (path.starts_with("~/")) path.erase(0, 2);
    bool good = !path.empty() && path[0] != '/' && path.size() < 1024;
    for (const std::string& part : base::split(path, '/')) good = good && !part.empty() && part != "." && part != "..";
    if (!good)
      table.fault_at(
          key, i, format("expected a path below the home, such as \".config/x\"; found \"{}\"", base::printable(path)));
  }
  return paths;
}

void check_copied(Table& table, const std::vector<std::string>& paths) {
  constexpr std::string_view kHome = "/home";
  for (size_t i = 0; i < paths.size(); ++i) {
    std::string whole = std::string(kHome) + "/" + paths[i];
    // A directory above a credential is fine: the copy leaves the credential out.
    std::string secret = secret_within(whole, kHome);
    if (is_credential_file(base_name(paths[i])) || (!secret.empty() && lies_in(whole, secret)))
      table.fault_at("copy", i, "expected configuration; this holds a login, which is never copied into a sandbox");
  }
}

// Parsed once: every run looks a command up here. A shipped profile that does not parse is our own bug, and a test's to
// find.
const std::vector<AgentProfile>& shipped_profiles() {
  static const std::vector<AgentProfile> all = [] {
    std::vector<AgentProfile> parsed;
    for (const std::string& name : shipped_agents().names())
      if (base::Result<AgentProfile> profile = parse_agent(shipped_agents().find(name), name))
        parsed.push_back(*std::move(profile));
    return parsed;
  }();
  return all;
}

}  // namespace

base::Result<AgentProfile> parse_agent(std::string_view text, std::string_view file) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  Table root = reader.root();
  AgentProfile profile;
  reader.expect_version(root, 1);
  profile.name = root.string("name").value_or("");
  profile.description = root.string("description").value_or("");
  profile.notes = root.string("notes").value_or("");
  profile.commands = root.strings("commands");
  for (size_t i = 0; i < profile.commands.size(); ++i)
    if (profile.commands[i].empty() || profile.commands[i].find('/') != std::string::npos)
      root.fault_at("commands", i, "expected a command's name without a directory");
  Table home = root.table("home");
  profile.copy = home_paths(home, "copy");
  check_copied(home, profile.copy);
  profile.login = home_paths(home, "login");
  home.finish();
  Table environment = root.table("environment");
  profile.pass = environment.strings("pass");
  for (size_t i = 0; i < profile.pass.size(); ++i)
    if (!is_variable(profile.pass[i], true))
      environment.fault_at(
          "pass", i, format("expected a variable's name or PREFIX*, found \"{}\"", base::printable(profile.pass[i])));
  Table set = environment.table("set");
  for (const std::string& name : set.keys()) {
    std::optional<std::string> value = set.string(name);
    if (!is_variable(name, false)) set.fault(name, "expected a variable's name as the key");
    if (value) profile.set.push_back({name, *value});
  }
  environment.finish();
  Table network = root.table("network");
  profile.hosts = network.strings("hosts");
  for (size_t i = 0; i < profile.hosts.size(); ++i)
    if (base::Result<core::EgressRule> rule = core::parse_rule(profile.hosts[i]); !rule)
      network.fault_at("hosts", i, rule.error().message());
  network.finish();
  Table limits = root.table("limits");
  if (auto floor = limits.string("memory_floor")) {
    base::Result<base::ByteCount> bytes = base::parse_bytes(*floor);
    if (bytes)
      profile.memory_floor = bytes->value;
    else
      limits.fault("memory_floor", format("expected a size such as \"1GiB\"; found \"{}\"", base::printable(*floor)));
  }
  limits.finish();
  Table sandbox = root.table("sandbox");
  profile.sandboxes_commands = sandbox.boolean("sandboxes_commands").value_or(false);
  profile.sandbox_off = sandbox.strings("off");
  sandbox.finish();
  root.finish();
  HV_TRY(reader.finish());
  return profile;
}

std::vector<std::string> AgentCatalog::user_names() const {
  std::vector<std::string> all;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error)) {
    std::string file = it->path().filename().string();
    if (!file.ends_with(kSuffix)) continue;
    std::string name = file.substr(0, file.size() - kSuffix.size());
    if (is_profile_name(name)) all.push_back(std::move(name));
  }
  return all;
}

std::vector<std::string> AgentCatalog::names() const {
  std::vector<std::string> all = shipped_agents().names();
  for (std::string& name : user_names()) all.push_back(std::move(name));
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

base::Result<core::AgentInfo> AgentCatalog::info(std::string_view name) const {
  core::AgentInfo info;
  info.name = std::string(name);
  std::string path = directory_ + "/" + info.name + std::string(kSuffix);
  if (is_profile_name(name) && !directory_.empty() && base::path_exists(path)) {
    info.provenance = core::Provenance::user;
    info.text = HV_TRY_CONTEXT(base::read_file(path, kLargestFile), format("agent profile '{}'", info.name));
    info.path = std::move(path);
  } else if (std::string_view text = shipped_agents().find(name); !text.empty()) {
    info.path = format("agents/{}.toml (shipped)", name);
    info.text = std::string(text);
  } else {
    std::vector<std::string> known = names();
    std::string shown = base::printable(name.substr(0, 80));
    base::Error error =
        base::not_found(format("no agent profile is called '{}'; there are: {}", shown, base::join(known, ", ")));
    if (auto near = base::nearest(name, known))
      return base::Failure(std::move(error).with_hint("did you mean '" + *near + "'?"));
    return base::Failure(std::move(error).with_hint(format("write {}/{}.toml", directory_, shown)));
  }
  base::Result<AgentProfile> profile = parse_agent(info.text, info.path);
  info.description = profile ? profile->description : profile.error().text();
  if (profile) {
    info.commands = profile->commands;
    info.nested = profile->sandboxes_commands;
  }
  return info;
}

base::Result<AgentProfile> AgentCatalog::load(std::string_view name) const {
  core::AgentInfo found = HV_TRY(info(name));
  AgentProfile profile = HV_TRY(parse_agent(found.text, found.path));
  if (!profile.name.empty() && profile.name != found.name)
    return base::Failure(base::invalid_argument(format("{}: name: expected \"{}\", as the file is called; found \"{}\"",
                                                       found.path, found.name, base::printable(profile.name))));
  profile.name = found.name;
  return profile;
}

base::Result<AgentProfile> AgentCatalog::find(std::string_view command) const {
  std::string_view name = base_name(command);
  auto knows = [&](const AgentProfile& profile) {
    return std::ranges::find(profile.commands, name) != profile.commands.end();
  };
  std::vector<std::string> own = user_names();
  std::ranges::sort(own);
  for (const std::string& candidate : own) {
    AgentProfile profile = HV_TRY(load(candidate));
    if (knows(profile)) return profile;
  }
  for (const AgentProfile& profile : shipped_profiles())
    if (knows(profile) && std::ranges::find(own, profile.name) == own.end()) return profile;
  return load(kFallback);
}

base::Result<std::vector<core::AgentInfo>> AgentCatalog::list() const {
  std::vector<core::AgentInfo> all;
  for (const std::string& name : names()) {
    base::Result<core::AgentInfo> found = info(name);
    core::AgentInfo entry;
    if (found)
      entry = *std::move(found);
    else {
      entry.name = name;
      entry.description = found.error().text();
    }
    entry.text.clear();
    all.push_back(std::move(entry));
  }
  return all;
}

}  // namespace hv::images
