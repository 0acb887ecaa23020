#include "behavior/pattern.h"

#include <algorithm>

#include "core/address.h"

namespace hv::behavior {

namespace {

using core::HostPattern;

bool names(const HostPattern& pattern, std::string_view name) {
  switch (pattern.kind) {
    case HostPattern::Kind::any:
      return true;
    case HostPattern::Kind::exact:
      return name == pattern.name;
    case HostPattern::Kind::suffix:
      return name.size() > pattern.name.size() + 1 && name.ends_with(pattern.name) &&
             name[name.size() - pattern.name.size() - 1] == '.';
    case HostPattern::Kind::range:
    case HostPattern::Kind::group:
      return false;
  }
  return false;
}

bool covers(const std::vector<core::Glob>& globs, std::string_view path) {
  if (globs.empty()) return true;
  if (path.empty()) return false;
  std::vector<std::string_view> parts = core::names_of_path(path);
  return std::ranges::any_of(globs, [&](const core::Glob& glob) { return glob.covers(parts); });
}

}  // namespace

Pattern::Pattern(const core::EventPattern& pattern, std::string_view home, std::string_view workspace)
    : pattern_(pattern) {
  for (const core::Glob& glob : pattern.paths) paths_.push_back(glob.placed(home, workspace));
  for (const core::Glob& glob : pattern.programs) programs_.push_back(glob.placed(home, workspace));
}

bool Pattern::matches_host(const base::json::Object& payload) const {
  if (pattern_.hosts.empty()) return true;
  std::string_view name = text_of(payload, "host");
  base::Result<core::IpAddress> address = core::parse_address(text_of(payload, "address"));
  return std::ranges::any_of(pattern_.hosts, [&](const HostPattern& host) {
    if (host.kind == HostPattern::Kind::range) return address && host.range.contains(*address);
    return host.kind == HostPattern::Kind::any || (!name.empty() && names(host, name));
  });
}

bool Pattern::matches(const core::Event& event) const {
  if (pattern_.least_risk && event.risk < *pattern_.least_risk) return false;
  if (!pattern_.verdicts.empty()) {
    auto verdict = core::parse_name<core::Verdict>(text_of(event.payload, "verdict"));
    if (!verdict || std::ranges::find(pattern_.verdicts, *verdict) == pattern_.verdicts.end()) return false;
  }
  return matches_host(event.payload) && covers(programs_, program_of(event)) &&
         covers(paths_, paths_.empty() ? std::string_view() : text_of(event.payload, "path"));
}

std::string_view text_of(const base::json::Object& payload, std::string_view member) {
  const base::json::Value* value = payload.if_contains(member);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

uint64_t number_of(const base::json::Object& payload, std::string_view member) {
  const base::json::Value* value = payload.if_contains(member);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<uint64_t>(value->get_int64()) : 0;
}

std::string_view program_of(const core::Event& event) {
  return text_of(event.payload, event.kind == "exec.observed" ? "executable" : "program");
}

}  // namespace hv::behavior
