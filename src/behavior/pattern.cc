#include "behavior/pattern.h"

#include <algorithm>

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

bool covers(const std::vector<core::Glob>& globs, const std::vector<std::string_view>& names) {
  if (names.empty()) return false;
  return std::ranges::any_of(globs, [&](const core::Glob& glob) { return glob.covers(names); });
}

}  // namespace

const std::vector<std::string_view>& Facts::program() {
  if (!program_) program_ = core::names_of_path(program_of(event_));
  return *program_;
}

const std::vector<std::string_view>& Facts::path() {
  if (!path_) path_ = core::names_of_path(text_of(event_.payload, "path"));
  return *path_;
}

const core::IpAddress* Facts::address() {
  if (!address_) address_ = core::parse_address(text_of(event_.payload, "address"));
  return *address_ ? &**address_ : nullptr;
}

Pattern::Pattern(const core::EventPattern& pattern, std::string_view home, std::string_view workspace)
    : pattern_(pattern) {
  for (const core::Glob& glob : pattern.paths) paths_.push_back(glob.placed(home, workspace));
  for (const core::Glob& glob : pattern.programs) programs_.push_back(glob.placed(home, workspace));
}

bool Pattern::matches_host(Facts& facts) const {
  std::string_view name = text_of(facts.event().payload, "host");
  return std::ranges::any_of(pattern_.hosts, [&](const HostPattern& host) {
    if (host.kind == HostPattern::Kind::range) return facts.address() && host.range.contains(*facts.address());
    return host.kind == HostPattern::Kind::any || (!name.empty() && names(host, name));
  });
}

bool Pattern::matches(Facts& facts) const {
  const core::Event& event = facts.event();
  if (pattern_.least_risk && event.risk < *pattern_.least_risk) return false;
  if (!pattern_.verdicts.empty()) {
    auto verdict = core::parse_name<core::Verdict>(text_of(event.payload, "verdict"));
    if (!verdict || std::ranges::find(pattern_.verdicts, *verdict) == pattern_.verdicts.end()) return false;
  }
  return (pattern_.hosts.empty() || matches_host(facts)) && (programs_.empty() || covers(programs_, facts.program())) &&
         (paths_.empty() || covers(paths_, facts.path()));
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
