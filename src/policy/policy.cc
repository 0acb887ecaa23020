#include "policy/policy.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "base/toml.h"
#include "base/units.h"
#include "core/egress_text.h"
#include "policy/network.h"

namespace hv::policy {

namespace {

using base::format;
using base::toml::Table;

constexpr int64_t kLeastProcesses = int64_t{core::least_pids};
constexpr int64_t kMostProcesses = 4'194'304;  // PID_MAX_LIMIT of 64-bit Linux

constexpr int64_t kMostOpenFiles = 1'048'576;  // fs.nr_open as kernels come

// Sections and keys that the policy language will have. Accepting them before they are kept would promise what does not
// hold.
constexpr std::string_view kPlannedSections[] = {"exec", "secrets", "approvals", "models", "time", "extends"};
constexpr std::string_view kPlannedNetwork[] = {"dns", "rules", "inspect", "mode"};

std::string not_enforced(std::string_view what) {
  return format("{} is not enforced by this version yet, so it cannot be promised; remove it", what);
}

void read_size(Table& table, std::string_view key, uint64_t least, std::string_view example, uint64_t& size) {
  auto text = table.string(key);
  if (!text) return;
  base::Result<base::ByteCount> bytes = base::parse_bytes(*text);
  std::string smallest = base::to_text(base::ByteCount{least});
  std::erase(smallest, ' ');
  if (!bytes || bytes->value < least)
    table.fault(key, format("expected a size of at least {}, such as \"{}\"; found \"{}\"", smallest, example,
                            base::printable(*text)));
  else
    size = bytes->value;
}

void read_time(Table& table, std::string_view key, std::string_view example, uint64_t& millis) {
  auto text = table.string(key);
  if (!text) return;
  auto time = base::parse_duration(*text);
  auto count = time ? static_cast<uint64_t>(time->count()) : 0;
  if (count < core::least_time_millis || count > core::most_time_millis)
    table.fault(
        key, format("expected a time from 1s to 3650d, such as \"{}\"; found \"{}\"", example, base::printable(*text)));
  else
    millis = count;
}

void read_limits(Table table, core::Limits& limits) {
  read_size(table, "memory", core::least_memory_bytes, "2GiB", limits.memory_bytes);
  read_size(table, "io", core::least_io_bytes, "50MiB", limits.io_bytes);
  read_size(table, "disk", core::least_disk_bytes, "10GiB", limits.disk_bytes);
  read_size(table, "tmp", core::least_tmp_bytes, "1GiB", limits.tmp_bytes);
  read_time(table, "wall", "2h", limits.wall_millis);
  read_time(table, "idle", "30m", limits.idle_millis);
  if (auto files = table.integer("open_files", int64_t{core::least_open_files}, kMostOpenFiles))
    limits.open_files = static_cast<uint64_t>(*files);
  if (auto pids = table.integer("pids", kLeastProcesses, kMostProcesses)) limits.pids = static_cast<uint64_t>(*pids);
  if (auto cpus = table.number("cpus")) {
    if (*cpus >= 0.01 && *cpus <= 4096)  // also false for nan
      limits.cpu_millis = static_cast<uint32_t>(std::lround(*cpus * 1000));
    else
      table.fault("cpus", format("expected a number of processors from 0.01 to 4096, found {}", *cpus));
  }
  table.finish();
}

std::vector<std::string> read_paths(Table& table, std::string_view key) {
  std::vector<std::string> paths = table.strings(key);
  for (size_t i = 0; i < paths.size(); ++i)
    if (auto why = why_not_granted(paths[i]))
      table.fault_at(key, i, format("{}; found \"{}\"", *why, base::printable(paths[i])));
  return paths;
}

void read_filesystem(Table table, Policy& policy) {
  std::vector<std::string> modes;
  for (auto [mode, name] : core::Names<core::WorkspaceMode>::table) modes.emplace_back(name);
  if (auto index = table.choice("workspace", modes))
    policy.workspace = core::Names<core::WorkspaceMode>::table[*index].first;
  policy.read = read_paths(table, "read");
  policy.write = read_paths(table, "write");
  for (size_t i = 0; i < policy.write.size(); ++i)
    if (std::ranges::find(policy.read, policy.write[i]) != policy.read.end())
      table.fault_at("write", i, "the same path is in 'read'; expected it in one list");
  table.refuse("hide", not_enforced("hiding files by name"));
  table.finish();
}

// NAME or PREFIX*, by POSIX's characters for names.
bool is_pattern(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void read_environment(Table table, Policy& policy) {
  policy.pass = table.strings("pass");
  for (size_t i = 0; i < policy.pass.size(); ++i)
    if (!is_pattern(policy.pass[i]))
      table.fault_at("pass", i,
                     format("expected a variable's name or PREFIX*, found \"{}\"", base::printable(policy.pass[i])));
  table.refuse("set", not_enforced("setting variables from a policy"));
  table.finish();
}

// true: a proof of any age; a time: one that is at most so old.
void read_security(Table table, Policy& policy) {
  constexpr std::string_view key = "require_probe";
  if (table.is_text(key)) {
    uint64_t millis = 0;
    read_time(table, key, "24h", millis);
    policy.require_probe = ProofDemand{std::chrono::milliseconds(millis)};
  } else if (table.boolean(key).value_or(false)) {
    policy.require_probe = ProofDemand{};
  }
  table.finish();
}

// What records call the policy: its name, or the one of its file ("policies/mine.toml (shipped)" is mine).
std::string name_for_origin(const Policy& policy, std::string_view file) {
  if (!policy.name.empty()) return policy.name;
  std::string_view base = file.substr(file.rfind('/') + 1);
  return std::string(base.substr(0, base.find(".toml")));
}

}  // namespace

std::optional<std::string> why_not_granted(std::string_view path) {
  if (path.size() > 4096 || path.find('\0') != std::string_view::npos) return "expected a path";
  std::string_view below = path;
  if (below.starts_with("~/"))
    below.remove_prefix(1);
  else if (!below.starts_with('/'))
    return "expected an absolute path or one that starts with ~/";
  for (const std::string& part : base::split(below.substr(1), '/'))
    if (part == ".." || part == "." || part.empty()) return "expected a path without '.', '..', '//' or a final '/'";
  for (std::string_view root : {"/proc", "/sys", "/dev", "/run", "/etc"})
    if (path == root || path.starts_with(std::string(root) + "/"))
      return format("{} belongs to the sandbox itself and cannot be granted", root);
  return std::nullopt;
}

base::Result<Policy> parse(std::string_view text, std::string_view file) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  Table root = reader.root();
  Policy policy;
  reader.expect_version(root, 1);
  policy.name = root.string("name").value_or("");
  policy.description = root.string("description").value_or("");
  read_limits(root.table("limits"), policy.limits);
  read_filesystem(root.table("filesystem"), policy);
  Table privileges = root.table("privileges");
  policy.nested_sandboxes = privileges.boolean("nested_sandboxes").value_or(false);
  privileges.finish();
  read_environment(root.table("environment"), policy);
  read_security(root.table("security"), policy);
  Table network = root.table("network");
  read_network(network, name_for_origin(policy, file), policy);
  for (std::string_view key : kPlannedNetwork) network.refuse(key, not_enforced(format("network.{}", key)));
  network.finish();
  for (std::string_view section : kPlannedSections) root.refuse(section, not_enforced(format("[{}]", section)));
  root.finish();
  HV_TRY(reader.finish());
  return policy;
}

// Most policies have none of these, and say nothing of them.
static std::string describe_more(const Policy& policy) {
  const core::Limits& limits = policy.limits;
  std::string text;
  auto size = [&](const char* key, uint64_t value) {
    if (value != 0) text += format("{} = {}\n", key, base::to_text(base::ByteCount{value}));
  };
  auto time = [&](const char* key, uint64_t value) {
    if (value != 0) text += format("{} = {}\n", key, base::to_text(std::chrono::milliseconds(value)));
  };
  size("io", limits.io_bytes);
  if (limits.open_files != 0) text += format("open_files = {}\n", limits.open_files);
  size("disk", limits.disk_bytes);
  size("tmp", limits.tmp_bytes);
  time("wall", limits.wall_millis);
  time("idle", limits.idle_millis);
  if (policy.require_probe)
    text += format("require_probe = {}\n",
                   policy.require_probe->oldest ? base::to_text(*policy.require_probe->oldest) : "yes");
  return text;
}

std::string describe(const Policy& policy) {
  auto list = [](const std::vector<std::string>& items) {
    return items.empty() ? std::string("none") : base::join(items, " ");
  };
  std::vector<std::string> ports;
  for (uint16_t port : policy.egress.host_services) ports.push_back(std::to_string(port));
  const core::Limits& limits = policy.limits;
  std::string rules;
  for (const core::EgressRule& rule : policy.egress.rules)
    rules += format("{} = {} ({})\n", core::name_of(rule.verdict), base::printable(core::to_text(rule)),
                    base::printable(rule.origin));
  return format(
      "name = {}\nmemory = {}\npids = {}\ncpus = {}\n{}workspace = {}\nread = {}\nwrite = {}\nnested_sandboxes = "
      "{}\npass = {}\n"
      "host_services = {}\nagent_hosts = {}\nnetwork = {}\n{}",
      base::printable(policy.name),
      limits.memory_bytes == 0 ? "none" : base::to_text(base::ByteCount{limits.memory_bytes}),
      limits.pids == 0 ? "none" : std::to_string(limits.pids),
      limits.cpu_millis == 0 ? "none" : format("{}", limits.cpu_millis / 1000.0), describe_more(policy),
      core::name_of(policy.workspace), list(policy.read), list(policy.write), policy.nested_sandboxes ? "yes" : "no",
      list(policy.pass), list(ports), policy.agent_hosts ? "yes" : "no", core::name_of(policy.egress.fallback), rules);
}

}  // namespace hv::policy
