#include "images/environment.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace hv::images {

namespace {

// Passed when the caller has them. None names a file, a socket or a server of the host.
constexpr std::string_view kSafe[] = {"TERM",     "COLORTERM",   "LANG",      "LANGUAGE",     "TZ",
                                      "NO_COLOR", "FORCE_COLOR", "CLICOLOR",  "TERM_PROGRAM", "TERM_PROGRAM_VERSION",
                                      "COLUMNS",  "LINES",       "LS_COLORS", "CI",           "COLORFGBG",
                                      "LESS"};

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

bool is_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

bool looks_secret(std::string_view name) {
  for (const std::string& word : base::split(upper(name), '_')) {
    for (std::string_view exact :
         {"KEY", "KEYS", "AUTH", "PAT", "PASS", "PWD", "CERT", "SESSION", "COOKIE", "JWT", "DSN"})
      if (word == exact) return true;
    for (std::string_view part : {"TOKEN", "SECRET", "PASSW", "CREDENTIAL", "APIKEY", "PRIVATE", "OAUTH", "SIGNATURE"})
      if (word.find(part) != std::string::npos) return true;
    if (word.size() > 3 && (word.ends_with("KEY") || word.ends_with("PWD"))) return true;
  }
  return false;
}

std::vector<std::string> make_environment(const HostView& host, const EnvironmentRequest& request) {
  std::map<std::string, std::string, std::less<>> inside;
  auto passes = [&](std::string_view name) {
    if (std::ranges::find(kSafe, name) != std::end(kSafe) || name.starts_with("LC_")) return true;
    return std::ranges::any_of(request.pass, [&](std::string_view pattern) {
      if (!pattern.ends_with('*')) return name == pattern;
      pattern.remove_suffix(1);
      return name.starts_with(pattern) && !looks_secret(name);
    });
  };
  for (const core::Variable& entry : host.caller.environment)
    if (is_name(entry.name) && passes(entry.name)) inside[entry.name] = entry.value;
  for (const core::Variable& entry : request.tools) inside[entry.name] = entry.value;
  const std::string user = host.user.empty() ? "user" : host.user;
  inside["PATH"] = base::join(request.path, ":");
  inside["HOME"] = request.home;
  inside["USER"] = user;
  inside["LOGNAME"] = user;
  inside["SHELL"] = request.shell;
  inside["TMPDIR"] = "/tmp";
  inside.try_emplace("TERM", "dumb");
  for (const core::Variable& entry : request.set) inside[entry.name] = entry.value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : inside)
    if (value.find('\0') == std::string::npos) lines.push_back(name + "=" + value);
  return lines;
}

}  // namespace hv::images
