#include "access/access.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace hv::access {

namespace {

struct Planned {
  std::string_view action;
  std::string_view when;
};
constexpr Planned kPlanned[] = {
    {"snapshot", "comes with snapshots"},
    {"key.issue", "comes with keys for ssh"},
    {"approve", "comes with approvals"},
};

Entry entry(std::string_view actions) {
  return {Pattern(std::string(actions)), {}};
}

Role role(std::string_view name) {
  Role role;
  role.name = name;
  return role;
}

}  // namespace

std::string Place::text() const {
  return line == 0 ? "built in" : base::format("{}:{}", file, line);
}

Access built_in() {
  Access access;
  Role trusted = role(kTrusted);
  trusted.allow = {entry("*")};
  // As a person does everything with sandboxes, but with each step in the ledger and nothing that changes the rules.
  Role audited = role(kAudited);
  audited.allow = {entry("*")};
  for (auto [action, name] : core::Names<core::Action>::table)
    if (core::is_above_agents(action)) audited.deny.push_back(entry(name));
  audited.recorded = true;
  // What an agent needs to work in sandboxes of its own. Nothing that it does there reaches the host: applying is not
  // among it.
  Role sandboxed = role(kSandboxed);
  sandboxed.allow = {entry("daemon.read"), entry("policy.read"), entry("agent.read"), entry("access.check")};
  sandboxed.own = {entry("sandbox.*"), entry("exec"),  entry("attach"),  entry("logs"),
                   entry("diff"),      entry("probe"), entry("discard"), entry("audit.read")};
  sandboxed.policy = "restricted";
  for (Role* each : {&trusted, &audited, &sandboxed}) access.roles[each->name] = std::move(*each);
  return access;
}

bool is_role_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '-' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<std::string> why_no_action(std::string_view text) {
  Pattern pattern{std::string(text)};
  for (auto [action, name] : core::Names<core::Action>::table)
    if (pattern.matches(name)) return std::nullopt;
  for (const Planned& planned : kPlanned)
    if (planned.action == text)
      return base::format(
          "there is no '{}' yet, so it can be neither granted nor denied; remove it ({}: "
          "docs/access.md#actions)",
          planned.action, planned.when);
  std::string why = base::format(
      "expected an action, such as \"exec\", or a pattern of some, such as \"sandbox.*\"; "
      "found \"{}\"",
      base::printable(text.substr(0, 80)));
  std::vector<std::string> known;
  for (auto [action, name] : core::Names<core::Action>::table) known.emplace_back(name);
  if (auto near = base::nearest(text, known)) why += base::format(" (did you mean '{}'?)", *near);
  return why;
}

std::optional<std::string> why_no_sandbox(std::string_view text) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '*'; };
  if (!text.empty() && text.size() <= 63 && std::ranges::all_of(text, fits)) return std::nullopt;
  return base::format("expected the name of a sandbox, in which '*' stands for any characters; found \"{}\"",
                      base::printable(text.substr(0, 80)));
}

}  // namespace hv::access
