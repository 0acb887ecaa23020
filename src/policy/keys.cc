#include "policy/keys.h"

#include "base/format.h"
#include "base/units.h"

namespace hv::policy {

namespace {

using base::format;

// Exact, where people's form would round.
std::string size_text(uint64_t bytes) {
  constexpr std::pair<uint64_t, std::string_view> kUnits[] = {
      {uint64_t{1} << 40, "TiB"}, {uint64_t{1} << 30, "GiB"}, {uint64_t{1} << 20, "MiB"}, {uint64_t{1} << 10, "KiB"}};
  if (bytes == 0) return "";
  for (auto [unit, name] : kUnits)
    if (bytes % unit == 0) return format("\"{}{}\"", bytes / unit, name);
  return format("\"{}\"", bytes);
}

std::string time_text(uint64_t millis) {
  if (millis == 0) return "";
  constexpr std::pair<uint64_t, std::string_view> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  for (auto [unit, name] : kUnits)
    if (millis % unit == 0) return format("\"{}{}\"", millis / unit, name);
  return format("\"{}ms\"", millis);
}

std::string number_text(uint64_t number) {
  return number == 0 ? "" : std::to_string(number);
}

std::string flag_text(bool flag) {
  return flag ? "true" : "false";
}

// A limit is one member; the rest of what is said about it is the same for all.
template <uint64_t core::Limits::* member>
void take_limit(Policy& to, const Policy& from) {
  to.limits.*member = from.limits.*member;
}
template <uint64_t core::Limits::* member>
std::string size_of(const Policy& policy) {
  return size_text(policy.limits.*member);
}
template <uint64_t core::Limits::* member>
std::string time_of(const Policy& policy) {
  return time_text(policy.limits.*member);
}
template <uint64_t core::Limits::* member>
std::string number_of(const Policy& policy) {
  return number_text(policy.limits.*member);
}

using core::Limits;
using Rules = core::AuditRules;

// The whole of something, or as little of it as its key lets be said. That all is recorded goes without saying.
template <bool Rules::* member>
std::string part_of(const Policy& policy) {
  constexpr bool kArguments = member == &Rules::arguments;
  constexpr bool kFiles = member == &Rules::files;
  constexpr std::string_view kKey = kArguments ? "audit.arguments" : kFiles ? "audit.files" : "audit.requests";
  constexpr std::string_view kLess = kArguments ? "program" : kFiles ? "none" : "host";
  if (!(policy.audit.*member)) return quote_toml(kLess);
  return policy.origin(kKey) == nullptr ? "" : quote_toml("all");
}
template <bool Rules::* member>
void take_part(Policy& to, const Policy& from) {
  to.audit.*member = from.audit.*member;
}

constexpr ValueKey kValues[] = {
    {"limits.memory", Shape::size, "\"2GiB\"", "", "Memory, swap included where the kernel counts it",
     size_of<&Limits::memory_bytes>, take_limit<&Limits::memory_bytes>},
    {"limits.pids", Shape::integer, "512", "", "Processes and threads", number_of<&Limits::pids>,
     take_limit<&Limits::pids>},
    {"limits.cpus", Shape::number, "1.5", "", "Processors",
     [](const Policy& p) {
       return p.limits.cpu_millis == 0 ? std::string() : format("{}", p.limits.cpu_millis / 1000.0);
     },
     [](Policy& to, const Policy& from) { to.limits.cpu_millis = from.limits.cpu_millis; }},
    {"limits.io", Shape::size, "\"50MiB\"", "", "Bytes a second, for reading and for writing each",
     size_of<&Limits::io_bytes>, take_limit<&Limits::io_bytes>},
    {"limits.open_files", Shape::integer, "1024", "", "Open files of each process", number_of<&Limits::open_files>,
     take_limit<&Limits::open_files>},
    {"limits.disk", Shape::size, "\"10GiB\"", "", "What may be added to layers and home", size_of<&Limits::disk_bytes>,
     take_limit<&Limits::disk_bytes>},
    {"limits.tmp", Shape::size, "\"1GiB\"", "", "The size of /tmp and of /dev/shm each", size_of<&Limits::tmp_bytes>,
     take_limit<&Limits::tmp_bytes>},
    {"limits.wall", Shape::time, "\"2h\"", "", "Time after which it ends", time_of<&Limits::wall_millis>,
     take_limit<&Limits::wall_millis>},
    {"limits.idle", Shape::time, "\"30m\"", "", "Time without output, input and a new command after which it ends",
     time_of<&Limits::idle_millis>, take_limit<&Limits::idle_millis>},
    {"filesystem.workspace", Shape::choice, "\"cow\"", "cow live ro none",
     "How the workspace is shared; ro and none are ceilings",
     [](const Policy& p) { return quote_toml(core::name_of(p.workspace)); },
     [](Policy& to, const Policy& from) { to.workspace = from.workspace; }},
    {"privileges.nested_sandboxes", Shape::boolean, "true", "", "Sandboxes may be made inside",
     [](const Policy& p) { return flag_text(p.nested_sandboxes); },
     [](Policy& to, const Policy& from) { to.nested_sandboxes = from.nested_sandboxes; }},
    {"exec.default", Shape::choice, "\"deny\"", "allow deny", "Whether a program that no rule names may be started",
     [](const Policy& p) { return quote_toml(core::name_of(p.exec.fallback)); },
     [](Policy& to, const Policy& from) { to.exec.fallback = from.exec.fallback; }},
    {"network.default", Shape::choice, "\"deny\"", "allow ask deny", "What no rule decides",
     [](const Policy& p) { return quote_toml(core::name_of(p.egress.fallback)); },
     [](Policy& to, const Policy& from) { to.egress.fallback = from.egress.fallback; }},
    {"network.agent_hosts", Shape::boolean, "false", "", "The hosts of the agent's profile are allowed too",
     [](const Policy& p) { return flag_text(p.agent_hosts); },
     [](Policy& to, const Policy& from) { to.agent_hosts = from.agent_hosts; }},
    {"security.require_probe", Shape::proof, "\"24h\"", "",
     "Nothing starts without a proof of containment, of any age or at most so old",
     [](const Policy& p) {
       if (!p.require_probe) return std::string();
       return p.require_probe->oldest ? time_text(static_cast<uint64_t>(p.require_probe->oldest->count())) : "true";
     },
     [](Policy& to, const Policy& from) { to.require_probe = from.require_probe; }},
    {"time.zone", Shape::text, "\"Europe/Vienna\"", "", "Whose clock counts; the machine's own when absent",
     [](const Policy& p) { return p.time.zone.empty() ? std::string() : quote_toml(p.time.zone); },
     [](Policy& to, const Policy& from) { to.time.zone = from.time.zone; }},
    {"time.not_after", Shape::text, "\"2026-12-31\"", "", "The last day, or a time, after which nothing runs",
     [](const Policy& p) { return p.time.not_after.empty() ? std::string() : quote_toml(p.time.not_after); },
     [](Policy& to, const Policy& from) { to.time.not_after = from.time.not_after; }},
    {"audit.arguments", Shape::choice, "\"program\"", "all program",
     "Whether arguments of programs are recorded, or the program and how many there were", part_of<&Rules::arguments>,
     take_part<&Rules::arguments>},
    {"audit.files", Shape::choice, "\"none\"", "all none", "Whether what becomes of files is recorded",
     part_of<&Rules::files>, take_part<&Rules::files>},
    {"audit.requests", Shape::choice, "\"host\"", "all host",
     "Whether the paths of plain HTTP requests are recorded, or host and method alone", part_of<&Rules::request_paths>,
     take_part<&Rules::request_paths>},
    {"audit.keep_payloads", Shape::time, "\"7d\"", "", "How long what is recorded is kept in full",
     [](const Policy& p) { return time_text(p.audit.keep_payloads_millis); },
     [](Policy& to, const Policy& from) { to.audit.keep_payloads_millis = from.audit.keep_payloads_millis; }},
};

constexpr ListKey kLists[] = {
    {"filesystem.read", "\"/srv/models\"", "Bound read-only at the same place",
     [](Policy& p) -> std::vector<std::string>& { return p.read; }},
    {"filesystem.write", "\"~/.cache/ccache\"", "Bound writable at the same place",
     [](Policy& p) -> std::vector<std::string>& { return p.write; }},
    {"filesystem.hide", "\".env\"", "Shown empty", [](Policy& p) -> std::vector<std::string>& { return p.hide; }},
    {"exec.allow", "\"/usr/bin/**\"", "Programs that may be started",
     [](Policy& p) -> std::vector<std::string>& { return p.exec.allow; }},
    {"exec.deny", "\"curl\"", "Programs that may not be started",
     [](Policy& p) -> std::vector<std::string>& { return p.exec.deny; }},
    {"syscalls.deny", "\"ptrace\"", "System calls that are refused beside the ones that every sandbox is refused",
     [](Policy& p) -> std::vector<std::string>& { return p.denied_calls; }},
    {"time.hours", "\"mon-fri 08:00-18:00\"", "When something may start and run; always when absent",
     [](Policy& p) -> std::vector<std::string>& { return p.time.hours; }},
    {"environment.pass", "\"EDITOR\"", "Variables that pass: names, or PREFIX*",
     [](Policy& p) -> std::vector<std::string>& { return p.pass; }},
    {"audit.redact_names", "\"ACME_*\"",
     "Variables, options and fields whose values are credentials: NAME, BEGINNING* or *END",
     [](Policy& p) -> std::vector<std::string>& { return p.audit.redact_names; }},
    {"audit.redact_patterns", "\"acme-[0-9a-f]{32}\"", "Forms of credentials",
     [](Policy& p) -> std::vector<std::string>& { return p.audit.redact_patterns; }},
    {"security.allow_degraded", "\"limits.memory\"",
     "Keys that may be left unenforced on a machine that cannot keep them",
     [](Policy& p) -> std::vector<std::string>& { return p.allow_degraded; }},
};

}  // namespace

std::span<const ValueKey> value_keys() {
  return kValues;
}

std::span<const ListKey> list_keys() {
  return kLists;
}

std::vector<std::string> degradable_keys() {
  std::vector<std::string> keys;
  for (const ValueKey& key : kValues)
    if (!key.key.starts_with("security.")) keys.emplace_back(key.key);
  for (const ListKey& key : kLists)
    if (!key.key.starts_with("security.")) keys.emplace_back(key.key);
  for (std::string_view key : kRuleKeys) keys.emplace_back(key);
  keys.emplace_back(kHostServices);
  keys.emplace_back(kVariables);
  keys.emplace_back(kBehaviorRules);
  return keys;
}

std::string quote_toml(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (byte < ' ' || byte == 0x7f)
      out += format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace hv::policy
