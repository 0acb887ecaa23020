#include "config/host_groups.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <tuple>

#include <sys/stat.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "config/installed_tools.h"
#include "config/server_address.h"
#include "config/tool_files.h"
#include "core/host_name.h"

namespace hv::config {

namespace {

using base::format;
using base::Result;
using base::Status;
using core::EgressRule;

constexpr size_t kLargestFile = size_t{1} << 20;
constexpr size_t kMostFiles = 256;

}  // namespace

Result<std::optional<std::string>> HostGroups::read(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return base::Failure(base::Error::from_errno(errno, "look at", path));
  }
  int64_t modified = int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
  if (!S_ISREG(about.st_mode)) return std::nullopt;
  if (auto known = files_.find(path);
      known != files_.end() && known->second.modified_ns == modified && known->second.size == about.st_size)
    return known->second.text;
  std::string text = HV_TRY(base::read_file(path, kLargestFile));
  if (files_.size() >= kMostFiles) files_.clear();
  files_[path] = {modified, about.st_size, text};
  return text;
}

// Gathers the servers of one group.
class GroupReader {
 public:
  GroupReader(HostGroups& groups, const GroupSources& sources)
      : groups_(groups), sources_(sources), tools_{variable("PATH"), sources.home, sources.workspace} {}

  Status git();
  Status npm();
  Status pip();
  Status apt();
  Status cargo();
  Status go();
  std::vector<EgressRule> take() { return std::move(rules_); }

 private:
  std::string variable(std::string_view name) const {
    for (const core::Variable& variable : sources_.environment)
      if (variable.name == name) return variable.value;
    return {};
  }
  std::string config_home() const {
    std::string set = variable("XDG_CONFIG_HOME");
    return set.starts_with('/') ? set : sources_.home + "/.config";
  }
  std::string place(const std::string& path, uint32_t line) const {
    std::string shown = path;
    if (!sources_.home.empty() && path.starts_with(sources_.home + "/"))
      shown = "~" + path.substr(sources_.home.size());
    return line == 0 ? shown : format("{}:{}", shown, line);
  }
  // The settings of a file that may be absent.
  Result<std::vector<Setting>> settings(const std::string& path,
                                        const std::function<std::vector<Setting>(std::string_view)>& parse) {
    std::optional<std::string> text = HV_TRY(read(path));
    return text ? parse(*text) : std::vector<Setting>{};
  }
  Result<std::optional<std::string>> read(const std::string& path) {
    looked_at_.push_back(place(path, 0));
    return groups_.read(path);
  }
  // The same of a file that came with a tool.
  Result<std::vector<Setting>> defaults(const std::string& path,
                                        const std::function<std::vector<Setting>(std::string_view)>& parse) {
    if (tools_.in_workspace(path)) return std::vector<Setting>{};
    return settings(path, parse);
  }
  void add(const Server& server, std::string origin) {
    EgressRule rule;
    Result<core::Host> host = core::parse_host(server.host);
    if (!host) return;
    if (host->address) {
      rule.host.kind = core::HostPattern::Kind::range;
      rule.host.range = {*host->address, static_cast<uint8_t>(host->address->v6 ? 128 : 32)};
    } else {
      rule.host.name = host->name;
    }
    rule.ports = {{server.port, server.port}};
    bool known = std::ranges::any_of(
        rules_, [&](const EgressRule& other) { return other.host == rule.host && other.ports == rule.ports; });
    rule.origin = std::move(origin);
    if (!known) rules_.push_back(std::move(rule));
  }
  void add_url(std::string_view url, const std::string& origin) {
    if (std::optional<Server> server = server_of_url(url)) add(*server, origin);
  }
  // A default is believed only when it is a URL of the web.
  bool add_default(std::string_view url, const std::string& origin) {
    std::optional<Server> server = server_of_url(url);
    if (!server || (!url.starts_with("https://") && !url.starts_with("http://"))) return false;
    add(*server, origin);
    return true;
  }
  std::string default_place(std::string_view tool, const std::string& path, uint32_t line) const {
    return format("{}'s default, {}", tool, place(path, line));
  }
  // `line` is what to write and where: "registry=URL into ~/.npmrc".
  base::Failure no_server(std::string_view tool, std::string_view what, std::string_view line) const {
    std::string message = format("no {} is configured, and the default of the installed {} was not found", what, tool);
    if (!looked_at_.empty()) message += "; looked at " + base::join(looked_at_, ", ");
    return base::Failure(
        base::not_found(std::move(message))
            .with_hint(format("name the host with --allow HOST in place of @{}, or write {}", tool, line)));
  }

  HostGroups& groups_;
  const GroupSources& sources_;
  InstalledTools tools_;
  std::vector<EgressRule> rules_;
  std::vector<std::string> looked_at_;
};

// Remotes of the workspace, with the rewrites that the user has for all repositories.
Status GroupReader::git() {
  if (sources_.repository.empty()) return {};
  std::vector<Setting> rewrites;
  for (const std::string& path :
       {sources_.root + "/etc/gitconfig", config_home() + "/git/config", sources_.home + "/.gitconfig"})
    for (Setting& setting : HV_TRY(settings(path, read_git_config))) rewrites.push_back(std::move(setting));
  std::string path = sources_.repository + "/config";
  std::vector<Setting> own = HV_TRY(settings(path, read_git_config));
  rewrites.insert(rewrites.end(), own.begin(), own.end());
  // The longest prefix wins; a rewrite for pushing counts beside the address itself, for git uses both.
  auto rewritten = [&](const std::string& address, std::string_view key) -> std::optional<std::string> {
    const Setting* best = nullptr;
    for (const Setting& setting : rewrites)
      if (setting.section.starts_with("url.") && setting.key == key && address.starts_with(setting.value) &&
          (best == nullptr || setting.value.size() > best->value.size()))
        best = &setting;
    if (best == nullptr) return std::nullopt;
    return best->section.substr(4) + address.substr(best->value.size());
  };
  for (const Setting& setting : own) {
    bool is_remote = setting.section.starts_with("remote.") && (setting.key == "url" || setting.key == "pushurl");
    bool is_submodule = setting.section.starts_with("submodule.") && setting.key == "url";
    if (!is_remote && !is_submodule) continue;
    std::string origin = place(path, setting.line);
    if (auto server = server_of_remote(rewritten(setting.value, "insteadof").value_or(setting.value)))
      add(*server, origin);
    if (auto push = rewritten(setting.value, "pushinsteadof"))
      if (auto server = server_of_remote(*push)) add(*server, origin);
  }
  return {};
}

Status GroupReader::npm() {
  bool has_main = false;
  auto main = [&](std::string_view url, const std::string& origin) {
    if (has_main) return;
    has_main = true;
    add_url(url, origin);
  };
  for (const char* name : {"npm_config_registry", "NPM_CONFIG_REGISTRY"})
    if (std::string url = variable(name); !url.empty()) main(url, name);
  std::string user = variable("NPM_CONFIG_USERCONFIG");
  if (!user.starts_with('/')) user = sources_.home + "/.npmrc";
  std::vector<std::string> paths = {user, sources_.root + "/etc/npmrc"};
  // Its prefix has a configuration for all users, and who packaged it may have given it another.
  constexpr std::string_view kPlace = "/lib/node_modules/npm";
  std::string npm = tools_.npm_directory();
  if (npm.ends_with(kPlace)) paths.push_back(npm.substr(0, npm.size() - kPlace.size()) + "/etc/npmrc");
  if (!npm.empty()) paths.push_back(npm + "/npmrc");
  for (size_t i = 0; i < paths.size(); ++i)
    for (const Setting& setting : HV_TRY(i < 2 ? settings(paths[i], read_ini) : defaults(paths[i], read_ini))) {
      std::string origin = place(paths[i], setting.line);
      if (setting.key == "registry") main(setting.value, origin);
      if (setting.key.starts_with('@') && setting.key.ends_with(":registry")) add_url(setting.value, origin);
    }
  if (has_main) return {};
  // Since npm 9.6, 7 and 5.
  for (const char* name : {"/node_modules/@npmcli/config/lib/definitions/definitions.js",
                           "/lib/utils/config/definitions.js", "/lib/config/defaults.js"}) {
    if (npm.empty()) break;
    for (const Setting& setting : HV_TRY(defaults(npm + name, read_npm_defaults)))
      if (add_default(setting.value, default_place("npm", npm + name, setting.line))) return {};
  }
  return no_server("npm", "registry", "registry=URL into " + place(user, 0));
}

Status GroupReader::pip() {
  bool has_main = false;
  auto take = [&](std::string_view key, std::string_view value, const std::string& origin) {
    bool index = key == "index-url" || key == "index_url" || key == "default-index";
    bool extra = key == "extra-index-url" || key == "extra_index_url" || key == "find-links" || key == "index";
    if (!index && !extra) return;
    has_main = has_main || index;
    size_t from = 0;  // several may stand on one line
    while (from < value.size()) {
      size_t end = std::min(value.find_first_of(" \t", from), value.size());
      add_url(value.substr(from, end - from), origin);
      from = end + 1;
    }
  };
  constexpr std::pair<const char*, const char*> kVariables[] = {{"PIP_INDEX_URL", "index-url"},
                                                                {"PIP_EXTRA_INDEX_URL", "extra-index-url"},
                                                                {"UV_DEFAULT_INDEX", "default-index"},
                                                                {"UV_INDEX_URL", "index-url"},
                                                                {"UV_INDEX", "index"},
                                                                {"UV_EXTRA_INDEX_URL", "extra-index-url"}};
  for (auto [name, key] : kVariables)
    if (std::string value = variable(name); !value.empty()) take(key, value, name);
  std::string named = variable("PIP_CONFIG_FILE");
  std::vector<std::string> paths = {config_home() + "/pip/pip.conf", sources_.home + "/.pip/pip.conf",
                                    sources_.root + "/etc/pip.conf"};
  if (named.starts_with('/')) paths.insert(paths.begin(), named);
  for (const std::string& path : paths)
    for (const Setting& setting : HV_TRY(settings(path, read_ini)))
      if (setting.section == "global" || setting.section == "install" || setting.section == "download")
        take(setting.key, setting.value, place(path, setting.line));
  // The installed pip's own index, and the second server from which that has its files served: needed too when it is
  // configured by name.
  for (const std::string& directory : tools_.python_packages()) {
    std::string path = directory + "/pip/_internal/models/index.py";
    std::vector<Setting> known = HV_TRY(defaults(path, read_pip_index));
    if (known.empty()) continue;
    std::string origin = default_place("pip", path, known[0].line);
    if (!has_main) has_main = add_default(known[0].value, origin);
    std::optional<Server> index = server_of_url(known[0].value);
    bool in_use =
        index && std::ranges::any_of(rules_, [&](const EgressRule& rule) { return rule.host.name == index->host; });
    if (in_use && known.size() > 1) add({known[1].value, 443}, default_place("pip", path, known[1].line));
    break;
  }
  if (has_main) return {};
  return no_server("pip", "index", "index-url=URL under [global] into " + place(config_home() + "/pip/pip.conf", 0));
}

Status GroupReader::apt() {
  std::string directory = sources_.root + "/etc/apt/sources.list.d";
  std::vector<std::string> paths = {sources_.root + "/etc/apt/sources.list"};
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    paths.push_back(it->path().string());
  std::sort(paths.begin() + 1, paths.end());
  for (const std::string& path : paths) {
    bool stanzas = path.ends_with(".sources");
    if (!stanzas && !path.ends_with(".list")) continue;
    for (const Setting& setting : HV_TRY(settings(path, stanzas ? read_apt_stanzas : read_apt_lines)))
      add_url(setting.value, place(path, setting.line));
  }
  return {};
}

Status GroupReader::cargo() {
  std::string set = variable("CARGO_HOME");
  std::string home = set.starts_with('/') ? set : sources_.home + "/.cargo";
  std::vector<Setting> all;
  std::string path;
  for (const char* name : {"/config.toml", "/config"}) {
    path = home + name;
    std::optional<std::string> text = HV_TRY(read(path));
    if (!text) continue;
    all = HV_TRY(read_cargo_config(*text, path));
    break;
  }
  std::string origin = place(path, 0);
  auto value_of = [&](const std::string& section, std::string_view key) {
    for (const Setting& setting : all)
      if (setting.section == section && setting.key == key) return setting.value;
    return std::string();
  };
  // What stands in the place of the default, over several steps.
  std::string source = "crates-io";
  for (int steps = 0; steps < 16; ++steps) {
    std::string next = value_of("source." + source, "replace-with");
    if (next.empty()) break;
    source = next;
  }
  bool defined = false;
  for (const Setting& setting : all)
    defined = defined || (setting.section == "source." + source && setting.key != "replace-with");
  if (source == "crates-io" && !defined)
    // It is compiled into cargo.
    return no_server("cargo", "source in the place of crates-io",
                     "replace-with=NAME under [source.crates-io] into " + place(home + "/config.toml", 0));
  add_url(value_of("source." + source, "registry"), origin);
  add_url(value_of("registries." + source, "index"), origin);
  for (const Setting& setting : all)
    if (setting.section.starts_with("registries.") || setting.key == "git") add_url(setting.value, origin);
  return {};
}

Status GroupReader::go() {
  std::string proxies = variable("GOPROXY"), origin = "GOPROXY";
  std::string sums = variable("GOSUMDB"), sums_origin = "GOSUMDB";
  auto take = [&](const std::vector<Setting>& settings, const std::function<std::string(uint32_t)>& place_of) {
    for (const Setting& setting : settings) {
      if (setting.key == "goproxy" && proxies.empty())
        std::tie(proxies, origin) = std::pair(setting.value, place_of(setting.line));
      if (setting.key == "gosumdb" && sums.empty())
        std::tie(sums, sums_origin) = std::pair(setting.value, place_of(setting.line));
    }
  };
  std::string named = variable("GOENV");
  std::string path = named.starts_with('/') ? named : config_home() + "/go/env";
  if (named != "off") take(HV_TRY(settings(path, read_ini)), [&](uint32_t line) { return place(path, line); });
  // Since Go 1.21; before, it is compiled in.
  std::string root = variable("GOROOT");
  if (!root.starts_with('/')) root = tools_.go_directory();
  bool is_own = proxies.empty();
  if (!root.empty() && (proxies.empty() || sums.empty())) {
    std::string own = root + "/go.env";
    take(HV_TRY(defaults(own, read_ini)), [&](uint32_t line) { return default_place("go", own, line); });
  }
  std::string written = named == "off" ? "the environment" : place(path, 0);
  if (proxies.empty()) return no_server("go", "module proxy", "GOPROXY=URL into " + written);
  if (sums.empty() && proxies != "off") return no_server("go", "checksum database", "GOSUMDB=NAME into " + written);
  // "direct" means every host that a module names: that is not a server that somebody chose.
  std::ranges::replace(proxies, '|', ',');
  for (const std::string& proxy : base::split(proxies, ','))
    if (is_own)
      add_default(proxy, origin);
    else
      add_url(proxy, origin);
  if (sums.empty() || sums == "off") return {};
  // NAME+KEY ADDRESS, or NAME or NAME+KEY with the name as the host.
  size_t space = sums.find(' ');
  if (space != std::string::npos)
    add_url(sums.substr(space + 1), sums_origin);
  else
    add_url("https://" + sums.substr(0, sums.find('+')), sums_origin);
  return {};
}

Result<std::vector<EgressRule>> HostGroups::resolve(std::string_view group, const GroupSources& sources) {
  constexpr std::pair<std::string_view, Status (GroupReader::*)()> kReaders[] = {
      {"apt", &GroupReader::apt}, {"cargo", &GroupReader::cargo}, {"git", &GroupReader::git},
      {"go", &GroupReader::go},   {"npm", &GroupReader::npm},     {"pip", &GroupReader::pip}};
  std::lock_guard lock(mutex_);
  GroupReader reader(*this, sources);
  for (auto [name, read] : kReaders)
    if (name == group) {
      HV_TRY((reader.*read)());
      return reader.take();
    }
  return base::Failure(base::not_found(format("no group is called '{}'", base::printable(group))));
}

}  // namespace hv::config
