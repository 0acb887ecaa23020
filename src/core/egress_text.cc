#include "core/egress_text.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "core/host_name.h"

namespace hv::core {

namespace {

using base::Failure;
using base::format;
using base::Result;

constexpr size_t kLongestRule = 1024;

Failure bad(std::string_view text, std::string_view why) {
  return Failure(base::invalid_argument(format("'{}': {}", base::printable(text.substr(0, 80)), why)));
}

Failure a_url(std::string_view text) {
  return bad(text, "this is a URL; expected a host, such as example.org or example.org:443");
}

Failure no_such_group(std::string_view text) {
  std::vector<std::string> known;
  for (std::string_view name : kHostGroups) known.push_back("@" + std::string(name));
  std::optional<std::string> near = base::nearest(text, known);
  return bad(text, format("no such group; there are {}{}", base::join(known, ", "),
                          near ? " (did you mean '" + *near + "'?)" : ""));
}

Result<uint16_t> parse_port(std::string_view whole, std::string_view digits) {
  unsigned value = 0;
  bool good = !digits.empty() && digits.size() <= 5;
  for (char c : digits.substr(0, 5)) {
    good = good && c >= '0' && c <= '9';
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (!good || value == 0 || value > 65'535)
    return bad(whole, "expected ports from 1 to 65535, such as 443, 80,443 or 8000-8999, or *");
  return static_cast<uint16_t>(value);
}

// Where the ports begin, or npos. Colons of an IPv6 address without brackets are no such place.
size_t ports_at(std::string_view text) {
  size_t colon = text.starts_with('[') ? text.find(':', std::min(text.find(']'), text.size())) : text.find(':');
  if (colon == std::string_view::npos || text.starts_with('[')) return colon;
  return text.find(':', colon + 1) == std::string_view::npos ? colon : std::string_view::npos;
}

std::string to_text(const std::vector<PortRange>& ports) {
  if (ports.size() == 1 && ports[0] == PortRange{1, 65'535}) return "*";
  std::string text;
  for (const PortRange& range : ports) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.first);
    if (range.last != range.first) text += "-" + std::to_string(range.last);
  }
  return text;
}

}  // namespace

Result<std::vector<PortRange>> parse_ports(std::string_view text) {
  if (text == "*") return std::vector{PortRange{1, 65'535}};
  std::vector<PortRange> ports;
  for (const std::string& part : base::split(text, ',')) {
    size_t dash = part.find('-');
    PortRange range;
    range.first = HV_TRY(parse_port(text, std::string_view(part).substr(0, dash)));
    range.last =
        dash == std::string::npos ? range.first : HV_TRY(parse_port(text, std::string_view(part).substr(dash + 1)));
    if (range.last < range.first) return bad(text, "the range of ports ends before it begins");
    ports.push_back(range);
  }
  // One form for each set of ports: sorted, without overlaps and neighbours.
  std::ranges::sort(ports, {}, &PortRange::first);
  std::vector<PortRange> merged;
  for (const PortRange& range : ports)
    if (!merged.empty() && range.first <= merged.back().last + 1)
      merged.back().last = std::max(merged.back().last, range.last);
    else
      merged.push_back(range);
  return merged;
}

Result<HostPattern> parse_pattern(std::string_view text) {
  HostPattern pattern;
  if (text.size() > kLongestRule) return bad(text, "is too long for a host");
  if (text == "*") {
    pattern.kind = HostPattern::Kind::any;
    return pattern;
  }
  if (text.starts_with('@')) {
    if (std::ranges::find(kHostGroups, text.substr(1)) == kHostGroups.end()) return no_such_group(text);
    pattern.kind = HostPattern::Kind::group;
    pattern.name = text.substr(1);
    return pattern;
  }
  if (text.starts_with("*.")) {
    pattern.kind = HostPattern::Kind::suffix;
    pattern.name = HV_TRY(parse_host_name(text.substr(2)));
    return pattern;
  }
  if (text.find('*') != std::string_view::npos)
    return bad(text, "a '*' stands alone or for whole parts at the front, as in *.example.org");
  if (text.find("://") != std::string_view::npos) return a_url(text);
  if (text.find('/') != std::string_view::npos) {
    bool brackets = text.starts_with('[') && text.ends_with(']');
    pattern.range = HV_TRY(parse_range(brackets ? text.substr(1, text.size() - 2) : text));
    pattern.kind = HostPattern::Kind::range;
    return pattern;
  }
  Host host = HV_TRY(parse_host(text));
  if (!host.address) {
    pattern.name = std::move(host.name);
    return pattern;
  }
  pattern.kind = HostPattern::Kind::range;
  pattern.range = {*host.address, static_cast<uint8_t>(host.address->v6 ? 128 : 32)};
  // A rule is read by people: "010.0.0.1" says something else to most of them than it does to a resolver.
  std::string_view plain = text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
  if (base::Result<IpAddress> literal = parse_address(plain); !literal || *literal != *host.address)
    return bad(text, format("this is an unusual spelling of an address; write {}", host.address->text()));
  return pattern;
}

Result<EgressRule> parse_rule(std::string_view text) {
  if (text.size() > kLongestRule) return bad(text, "is too long for a rule");
  if (text.empty()) return Failure(base::invalid_argument("expected HOST or HOST:PORT; found nothing"));
  if (text.find("://") != std::string_view::npos) return a_url(text);
  EgressRule rule;
  size_t colon = ports_at(text);
  rule.host = HV_TRY(parse_pattern(text.substr(0, colon)));
  if (colon == std::string_view::npos) return rule;
  if (rule.host.kind == HostPattern::Kind::group) return bad(text, "a group brings its own ports; write it without");
  rule.ports = HV_TRY(parse_ports(text.substr(colon + 1)));
  return rule;
}

std::string to_text(const HostPattern& pattern) {
  switch (pattern.kind) {
    case HostPattern::Kind::any:
      return "*";
    case HostPattern::Kind::exact:
      return pattern.name;
    case HostPattern::Kind::suffix:
      return "*." + pattern.name;
    case HostPattern::Kind::range:
      return pattern.range.text();
    case HostPattern::Kind::group:
      return "@" + pattern.name;
  }
  return {};
}

std::string to_text(const EgressRule& rule) {
  std::string text = to_text(rule.host);
  if (!rule.ports.empty()) {
    if (rule.host.kind == HostPattern::Kind::range && rule.host.range.first.v6) text = "[" + text + "]";
    text += ":" + to_text(rule.ports);
  }
  if (!rule.methods.empty()) text += " methods " + base::join(rule.methods, ",");
  if (!rule.path.empty()) text += " path " + rule.path;
  if (rule.private_addresses) text += " private";
  return text;
}

}  // namespace hv::core
