#include "cli/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"

namespace hv::cli {

namespace {

constexpr auto kSignals = std::to_array<std::pair<std::string_view, int>>({
    {"HUP", SIGHUP},
    {"INT", SIGINT},
    {"QUIT", SIGQUIT},
    {"KILL", SIGKILL},
    {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM},
    {"TERM", SIGTERM},
    {"CONT", SIGCONT},
    {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},
    {"WINCH", SIGWINCH},
});

base::Error bad_value(std::string_view option, std::string_view text, std::string_view expected) {
  return base::invalid_argument(base::format("--{}: '{}' is not {}", option, base::printable(text), expected));
}

}  // namespace

base::Result<uint64_t> parse_number(std::string_view option, std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return base::Failure(bad_value(option, text, base::format("a number from {} to {}", least, most)));
  return value;
}

base::Result<uint64_t> parse_size(std::string_view option, std::string_view text, uint64_t least,
                                  std::string_view example) {
  auto bytes = base::parse_bytes(text);
  if (bytes && bytes->value >= least) return bytes->value;
  std::string smallest = base::to_text(base::ByteCount{least});
  std::erase(smallest, ' ');
  return base::Failure(bad_value(option, text, base::format("a size of at least {}, such as {}", smallest, example)));
}

base::Result<uint64_t> parse_time_limit(std::string_view what, std::string_view text) {
  auto time = base::parse_duration(text);
  auto millis = time ? static_cast<uint64_t>(time->count()) : 0;
  if (millis >= core::least_time_millis && millis <= core::most_time_millis) return millis;
  return base::Failure(base::invalid_argument(
      base::format("{}: '{}' is not a time from 1s to 3650d, such as 30m or 2h", what, base::printable(text))));
}

base::Result<uint32_t> parse_cpus(std::string_view text) {
  size_t point = text.find('.');
  std::string_view fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  std::string digits(text.substr(0, point));
  bool form = !text.empty() && fraction.size() <= 3 && (point == std::string_view::npos || !fraction.empty());
  digits.append(fraction).append(3 - std::min<size_t>(3, fraction.size()), '0');
  auto millis = parse_number("cpus", digits, core::least_cpu_millis, 4'096'000);
  if (!form || !millis) return base::Failure(bad_value("cpus", text, "a number of processors such as 2 or 0.5"));
  return static_cast<uint32_t>(*millis);
}

base::Result<core::Variable> parse_variable(std::string_view text, const std::vector<core::Variable>& environment) {
  size_t equals = text.find('=');
  std::string name(text.substr(0, equals));
  if (name.empty()) return base::Failure(bad_value("env", text, "NAME or NAME=VALUE"));
  if (equals != std::string_view::npos)
    return core::Variable{.name = name, .value = std::string(text.substr(equals + 1))};
  for (const core::Variable& variable : environment)
    if (variable.name == name) return variable;
  return base::Failure(
      base::invalid_argument(base::format("--env: {} is not set here", base::printable(name)))
          .with_hint(base::format("set it, or give its value: --env {}=VALUE", base::printable(name))));
}

base::Result<std::pair<std::string, std::string>> parse_label(std::string_view text) {
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return base::Failure(bad_value("label", text, "KEY=VALUE"));
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

base::Result<base::WallTime> parse_time(std::string_view option, std::string_view text, base::WallTime now) {
  if (auto duration = base::parse_duration(text)) return now - *duration;
  std::string full(text);
  if (text.size() == 10) full += "T00:00:00Z";
  if (auto time = base::from_rfc3339(full)) return *time;
  return base::Failure(
      bad_value(option, text, "a time such as 2026-11-23T18:00:00Z, a date, or a duration such as 30m"));
}

base::Result<int> parse_signal(std::string_view text) {
  std::string_view name = text.starts_with("SIG") ? text.substr(3) : text;
  for (auto [known, number] : kSignals)
    if (known == name) return number;
  if (auto number = parse_number("signal", text, 1, 64)) return static_cast<int>(*number);
  return base::Failure(bad_value("signal", text, "a signal such as TERM, SIGTERM or 15"));
}

std::string absolute_path(std::string_view path, std::string_view directory) {
  std::string joined = path.starts_with('/') ? std::string(path) : base::format("{}/{}", directory, path);
  std::vector<std::string> parts;
  for (std::string& part : base::split(joined, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(std::move(part));
    }
  }
  return "/" + base::join(parts, "/");
}

}  // namespace hv::cli
