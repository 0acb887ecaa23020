// The policy language read: docs/policy.md is its page.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "base/toml.h"
#include "base/units.h"
#include "core/glob.h"
#include "core/redaction.h"
#include "policy/behavior.h"
#include "policy/keys.h"
#include "policy/network.h"
#include "policy/policy.h"

namespace hv::policy {

namespace {

using base::format;
using base::toml::Table;

constexpr int64_t kLeastProcesses = int64_t{core::least_pids};
constexpr int64_t kMostProcesses = 4'194'304;  // PID_MAX_LIMIT of 64-bit Linux

constexpr int64_t kMostOpenFiles = 1'048'576;  // fs.nr_open as kernels come

std::string not_enforced(std::string_view what, std::string_view when) {
  return format("{} is not enforced by this version yet, so it cannot be promised; remove it ({})", what, when);
}

// Remembers where what is read was written.
class Origin {
 public:
  Origin(Policy& policy, std::string name, std::string_view file)
      : policy_(policy), name_(std::move(name)), file_(base::printable(file)) {}
  const std::string& name() const { return name_; }
  void value(const Table& table, std::string_view key, std::string_view whole) {
    if (auto span = table.span(key)) add(std::string(whole), span->begin);
  }
  void item(const Table& table, std::string_view key, size_t index, std::string_view whole, std::string_view item) {
    if (auto span = table.span_at(key, index)) add(origin_key(whole, item), span->begin);
  }
  void add(std::string key, base::toml::Place at) {
    policy_.origins.try_emplace(std::move(key), Place{name_, file_, at.line, at.column});
  }

 private:
  Policy& policy_;
  std::string name_;
  std::string file_;
};

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

void read_limits(Table table, core::Limits& limits, Origin& origin) {
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
  for (const std::string& key : table.keys()) origin.value(table, key, "limits." + key);
  table.finish();
}

// The strings of a list, each held against `why_not`, which says what was expected instead.
template <typename Check>
std::vector<std::string> read_list(Table& table, std::string_view key, std::string_view whole, Origin& origin,
                                   const Check& why_not) {
  std::vector<std::string> items;
  for (const base::toml::Element& element : table.elements(key, "an array of strings")) {
    std::optional<std::string> why;
    if (!element.text)
      why = element.number ? format("expected a string, found the integer {}", *element.number)
                           : "expected a string, found a table";
    else
      why = why_not(*element.text);
    if (why) {
      table.fault_at(key, element.index, *why);
      continue;
    }
    origin.add(origin_key(whole, *element.text), {element.line, element.column});
    if (std::ranges::find(items, *element.text) == items.end()) items.push_back(*element.text);
  }
  return items;
}

std::optional<std::string> why_no_grant(const std::string& path) {
  auto found = [&](std::string_view why) { return format("{}; found \"{}\"", why, base::printable(path)); };
  if (auto why = why_not_granted(path)) return found(*why);
  if (path.find_first_of("*?") == std::string::npos) return std::nullopt;
  base::Result<core::Glob> glob = core::Glob::parse(path);
  if (!glob) return glob.error().message();
  if (path.find("**") != std::string::npos)
    return found("a directory that is granted brings all that lies in it: leave '**' out");
  if (path.starts_with('/') && glob->fixed_directory() == "/")
    return found("expected a pattern that begins with a directory's name: this one would grant what lies at /");
  return std::nullopt;
}

std::optional<std::string> why_no_glob(const std::string& text) {
  base::Result<core::Glob> glob = core::Glob::parse(text);
  return glob ? std::nullopt : std::optional(glob.error().message());
}

void read_filesystem(Table table, Policy& policy, Origin& origin) {
  std::vector<std::string> modes;
  for (auto [mode, name] : core::Names<core::WorkspaceMode>::table) modes.emplace_back(name);
  if (auto index = table.choice("workspace", modes))
    policy.workspace = core::Names<core::WorkspaceMode>::table[*index].first;
  origin.value(table, "workspace", "filesystem.workspace");
  policy.read = read_list(table, "read", "filesystem.read", origin, why_no_grant);
  policy.write = read_list(table, "write", "filesystem.write", origin, why_no_grant);
  std::vector<std::string> written = table.strings("write");
  for (size_t i = 0; i < written.size(); ++i)
    if (std::ranges::find(policy.read, written[i]) != policy.read.end())
      table.fault_at("write", i, "the same path is in 'read'; expected it in one list");
  policy.hide = read_list(table, "hide", "filesystem.hide", origin, why_no_glob);
  table.finish();
}

void read_exec(Table table, Policy& policy, Origin& origin) {
  if (auto index = table.choice("default", {"allow", "deny"}))
    policy.exec.fallback = *index == 0 ? core::Verdict::allow : core::Verdict::deny;
  origin.value(table, "default", "exec.default");
  policy.exec.allow = read_list(table, "allow", "exec.allow", origin, why_no_glob);
  policy.exec.deny = read_list(table, "deny", "exec.deny", origin, why_no_glob);
  table.finish();
}

// Calls without which no program starts or ends.
constexpr std::string_view kNeededCalls[] = {"execve", "exit",  "exit_group", "rt_sigreturn", "read",
                                             "write",  "close", "mmap",       "brk"};

void read_calls(Table table, Policy& policy, Origin& origin) {
  policy.denied_calls =
      read_list(table, "deny", "syscalls.deny", origin, [](const std::string& name) -> std::optional<std::string> {
        auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
        if (name.empty() || name.size() > 40 || !std::ranges::all_of(name, is_letter))
          return format("expected the name of a system call, such as \"ptrace\"; found \"{}\"", base::printable(name));
        if (std::ranges::find(kNeededCalls, name) != std::end(kNeededCalls))
          return format("no program could start without {}", name);
        return std::nullopt;
      });
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

// What says inside where one is and who.
constexpr std::string_view kOwnVariables[] = {"HOME", "USER", "LOGNAME", "SHELL", "PATH"};

bool is_name(std::string_view text) {
  return !text.ends_with('*') && is_pattern(text);
}

void read_environment(Table table, Policy& policy, Origin& origin) {
  policy.pass =
      read_list(table, "pass", "environment.pass", origin, [](const std::string& name) -> std::optional<std::string> {
        if (is_pattern(name)) return std::nullopt;
        return format("expected a variable's name or PREFIX*, found \"{}\"", base::printable(name));
      });
  Table set = table.table("set");
  for (const std::string& name : set.keys()) {
    std::optional<std::string> value = set.string(name);
    if (!is_name(name))
      set.fault(name, format("expected a variable's name, found \"{}\"", base::printable(name)));
    else if (std::ranges::find(kOwnVariables, name) != std::end(kOwnVariables))
      set.fault(name, format("{} is the sandbox's own", name));
    else if (value && value->find('\0') != std::string::npos)
      set.fault(name, "expected a value without a null character");
    else if (value)
      policy.set.push_back({name, *value});
    origin.value(set, name, origin_key("environment.set", name));
  }
  set.finish();
  table.finish();
}

void read_security(Table table, Policy& policy, Origin& origin) {
  std::vector<std::string> known = degradable_keys();
  policy.allow_degraded =
      read_list(table, "allow_degraded", "security.allow_degraded", origin,
                [&](const std::string& key) -> std::optional<std::string> {
                  if (std::ranges::find(known, key) != known.end()) return std::nullopt;
                  std::string message =
                      format("expected a key that can be left unenforced, such as \"limits.memory\"; found \"{}\"",
                             base::printable(key));
                  if (auto near = base::nearest(key, known)) message += format(" (did you mean '{}'?)", *near);
                  return message;
                });
  // true: a proof of any age; a time: one that is at most so old.
  constexpr std::string_view key = "require_probe";
  if (table.is_text(key)) {
    uint64_t millis = 0;
    read_time(table, key, "24h", millis);
    policy.require_probe = ProofDemand{std::chrono::milliseconds(millis)};
  } else if (table.boolean(key).value_or(false)) {
    policy.require_probe = ProofDemand{};
  }
  origin.value(table, key, "security.require_probe");
  table.finish();
}

void read_time_rules(Table table, Policy& policy, Origin& origin) {
  policy.time.hours =
      read_list(table, "hours", "time.hours", origin, [](const std::string& text) { return why_no_window(text); });
  if (auto zone = table.string("zone")) {
    if (!base::is_zone_name(*zone))
      table.fault("zone", format("expected the name of a time zone, such as \"Europe/Vienna\" or \"UTC\"; found \"{}\"",
                                 base::printable(zone->substr(0, 64))));
    else
      policy.time.zone = *zone;
  }
  if (auto end = table.string("not_after")) {
    if (auto why = why_no_end(*end))
      table.fault("not_after", *why);
    else
      policy.time.not_after = *end;
  }
  for (std::string_view key : {"zone", "not_after"}) origin.value(table, key, format("time.{}", key));
  table.finish();
}

void read_audit(Table table, Policy& policy, Origin& origin) {
  core::AuditRules& audit = policy.audit;
  auto read_part = [&](std::string_view key, const std::string& less, bool& whole) {
    if (auto index = table.choice(key, {"all", less})) whole = *index == 0;
    origin.value(table, key, format("audit.{}", key));
  };
  read_part("arguments", "program", audit.arguments);
  read_part("files", "none", audit.files);
  read_part("requests", "host", audit.request_paths);
  read_time(table, "keep_payloads", "7d", audit.keep_payloads_millis);
  origin.value(table, "keep_payloads", "audit.keep_payloads");
  auto read_bounded = [&](std::string_view key, size_t most, auto why_not) {
    std::vector<std::string> items = read_list(table, key, format("audit.{}", key), origin, why_not);
    if (items.size() > most) table.fault(key, format("expected at most {} of them, found {}", most, items.size()));
    return items;
  };
  audit.redact_names = read_bounded("redact_names", core::Redaction::kMostNames, core::Redaction::why_no_name);
  audit.redact_patterns =
      read_bounded("redact_patterns", core::Redaction::kMostPatterns, core::Redaction::why_no_pattern);
  for (std::string_view key : kAlwaysRecorded)
    table.refuse(key, "this is always recorded: what can be left out is said by arguments, files and requests");
  table.finish();
}

// Which policies it is made from. Their files are read by resolve().
void read_extends(Table& root, Policy& policy, Origin& origin) {
  policy.extends =
      read_list(root, "extends", "extends", origin, [](const std::string& name) -> std::optional<std::string> {
        if (is_policy_name(name)) return std::nullopt;
        return format("expected the name of a policy, found \"{}\"", base::printable(name));
      });
}

// What records call the policy: its name, or the one of its file ("policies/mine.toml (shipped)" is mine).
std::string name_for_origin(const Policy& policy, std::string_view file) {
  if (!policy.name.empty()) return policy.name;
  std::string_view base = file.substr(file.rfind('/') + 1);
  return std::string(base.substr(0, base.find(".toml")));
}

// What will keep the section, and until when it is refused.
std::string_view waits_for(std::string_view section) {
  for (auto [name, when] :
       {std::pair<std::string_view, std::string_view>{"secrets", "comes with secrets in the gateway"},
        {"approvals", "comes with approvals"},
        {"models", "comes with model providers"}})
    if (name == section) return when;
  return "";
}

std::string see(std::string_view when) {
  return format("{}{}docs/policy.md#not-enforced-yet", when, when.empty() ? "" : ": ");
}

}  // namespace

bool is_policy_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '-' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

base::Result<Policy> parse(std::string_view text, std::string_view file) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  Table root = reader.root();
  Policy policy;
  reader.expect_version(root, 1);
  policy.name = root.string("name").value_or("");
  policy.description = root.string("description").value_or("");
  Origin origin(policy, name_for_origin(policy, file), file);
  read_extends(root, policy, origin);
  read_limits(root.table("limits"), policy.limits, origin);
  read_filesystem(root.table("filesystem"), policy, origin);
  Table privileges = root.table("privileges");
  policy.nested_sandboxes = privileges.boolean("nested_sandboxes").value_or(false);
  origin.value(privileges, "nested_sandboxes", "privileges.nested_sandboxes");
  privileges.finish();
  read_exec(root.table("exec"), policy, origin);
  read_calls(root.table("syscalls"), policy, origin);
  read_environment(root.table("environment"), policy, origin);
  Table network = root.table("network");
  read_network(network, origin.name(), base::printable(file), policy);
  for (std::string_view key : {"default", "agent_hosts"}) origin.value(network, key, format("network.{}", key));
  for (std::string_view key : kPlannedNetwork) network.refuse(key, not_enforced(format("network.{}", key), see("")));
  network.finish();
  read_time_rules(root.table("time"), policy, origin);
  read_audit(root.table("audit"), policy, origin);
  read_security(root.table("security"), policy, origin);
  read_behavior(root.table("behavior"), origin.name(), base::printable(file), policy);
  for (std::string_view section : kPlannedSections)
    root.refuse(section, not_enforced(format("[{}]", section), see(waits_for(section))));
  root.finish();
  HV_TRY(reader.finish());
  return policy;
}

}  // namespace hv::policy
