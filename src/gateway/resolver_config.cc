#include "gateway/resolver_config.h"

#include <algorithm>
#include <charconv>

#include <net/if.h>

#include "network/ascii.h"

namespace hv::gateway {

namespace {

constexpr size_t kMostServers = 3;
constexpr size_t kMostSearched = 6;

template <typename F>
void each_line(std::string_view text, F take) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    take(line);
  }
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (true) {
    size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return found;
    size_t end = std::min(line.find_first_of(" \t\r", start), line.size());
    found.push_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
}

int number_in(std::string_view text, int low, int high, int otherwise) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::clamp(value, low, high) : otherwise;
}

void add_server(ResolverConfig& config, std::string_view text) {
  if (config.servers.size() >= kMostServers) return;
  size_t zone = text.find('%');
  auto address = core::parse_address(text.substr(0, zone));
  if (!address) return;
  NameServer server{*address, 0};
  if (zone != std::string_view::npos) server.scope = ::if_nametoindex(std::string(text.substr(zone + 1)).c_str());
  config.servers.push_back(server);
}

void take_option(ResolverConfig& config, std::string_view option) {
  size_t colon = option.find(':');
  if (colon == std::string_view::npos) return;
  std::string_view value = option.substr(colon + 1);
  std::string_view key = option.substr(0, colon);
  if (key == "ndots") config.ndots = number_in(value, 0, 15, config.ndots);
  if (key == "timeout") config.timeout = std::chrono::seconds(number_in(value, 1, 30, 5));
  if (key == "attempts") config.attempts = number_in(value, 1, 5, config.attempts);
}

std::string without_dot(std::string_view name) {
  if (name.size() > 1 && name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

}  // namespace

std::vector<std::string> ResolverConfig::candidates(const std::string& name) const {
  std::vector<std::string> names;
  for (const std::string& domain : search)
    if (domain != "." && !domain.empty()) names.push_back(name + "." + domain);
  bool first = std::ranges::count(name, '.') >= ndots;
  names.insert(first ? names.begin() : names.end(), name);
  return names;
}

ResolverConfig parse_resolv_conf(std::string_view text) {
  ResolverConfig config;
  each_line(text, [&](std::string_view line) {
    if (line.starts_with('#') || line.starts_with(';')) return;
    std::vector<std::string_view> parts = words(line);
    if (parts.size() < 2) return;
    if (parts[0] == "nameserver") return add_server(config, parts[1]);
    if (parts[0] == "domain" || parts[0] == "search") {
      // The last of them holds.
      config.search.clear();
      for (size_t i = 1; i < parts.size() && config.search.size() < kMostSearched; ++i)
        config.search.push_back(without_dot(parts[i]));
    }
    if (parts[0] == "options")
      for (size_t i = 1; i < parts.size(); ++i) take_option(config, parts[i]);
  });
  if (config.servers.empty()) config.servers.push_back({core::IpAddress::from_v4(0x7f000001), 0});
  return config;
}

std::vector<core::IpAddress> find_in_hosts(std::string_view text, std::string_view name) {
  std::vector<core::IpAddress> found;
  each_line(text, [&](std::string_view line) {
    std::vector<std::string_view> parts = words(line.substr(0, line.find('#')));
    for (size_t i = 1; i < parts.size(); ++i) {
      if (!network::equal_ignoring_case(without_dot(parts[i]), name)) continue;
      auto address = core::parse_address(parts[0].substr(0, parts[0].find('%')));
      if (address && std::ranges::find(found, *address) == found.end()) found.push_back(*address);
      break;
    }
  });
  return found;
}

}  // namespace hv::gateway
