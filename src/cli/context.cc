#include "cli/context.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "client/client.h"
#include "terminal/window.h"

namespace hv::cli {

namespace {

constexpr size_t kWidestText = 100;
constexpr std::string_view kTokenVariable = "HYDRAVISOR_TOKEN";

struct LimitName {
  int resource;
  std::string_view name;
};
constexpr auto kLimits = std::to_array<LimitName>({
    {RLIMIT_AS, "as"},
    {RLIMIT_CORE, "core"},
    {RLIMIT_CPU, "cpu"},
    {RLIMIT_DATA, "data"},
    {RLIMIT_FSIZE, "fsize"},
    {RLIMIT_MEMLOCK, "memlock"},
    {RLIMIT_NOFILE, "nofile"},
    {RLIMIT_NPROC, "nproc"},
    {RLIMIT_STACK, "stack"},
});

std::optional<uint64_t> limit_value(rlim_t value) {
  if (value == RLIM_INFINITY) return std::nullopt;
  return value;
}

std::vector<core::ResourceLimit> own_limits() {
  std::vector<core::ResourceLimit> limits;
  for (auto [resource, name] : kLimits) {
    rlimit value{};
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &value) == 0)
      limits.push_back(
          {.name = std::string(name), .soft = limit_value(value.rlim_cur), .hard = limit_value(value.rlim_max)});
  }
  return limits;
}

}  // namespace

Context::Context(char* const* environment)
    : environment_(environment),
      output_is_terminal_(terminal::is_terminal(STDOUT_FILENO)),
      error_is_terminal_(terminal::is_terminal(STDERR_FILENO)) {}

Context::~Context() = default;

std::optional<std::string> Context::variable(std::string_view name) const {
  for (char* const* entry = environment_; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name))
      return std::string(text.substr(name.size() + 1));
  }
  return std::nullopt;
}

std::vector<core::Variable> Context::environment() const {
  std::vector<core::Variable> variables;
  for (char* const* entry = environment_; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    size_t equals = text.find('=');
    // Whose token it is stays between front end and daemon.
    if (text.substr(0, equals) == kTokenVariable) continue;
    if (equals != std::string_view::npos && equals > 0)
      variables.push_back({.name = std::string(text.substr(0, equals)), .value = std::string(text.substr(equals + 1))});
  }
  return variables;
}

base::Result<core::Caller> Context::caller() const {
  char directory[4096];
  if (::getcwd(directory, sizeof directory) == nullptr)
    return base::Failure(
        base::Error::from_errno(errno, "find the current directory").with_hint("change to a directory that exists"));
  mode_t mask = ::umask(0);
  ::umask(mask);
  return core::Caller{.environment = environment(),
                      .directory = directory,
                      .home = variable("HOME").value_or(""),
                      .uid = ::getuid(),
                      .gid = ::getgid(),
                      .umask = mask,
                      .limits = own_limits()};
}

size_t Context::width() const {
  return output_is_terminal_ ? std::min<size_t>(terminal::window_size(STDOUT_FILENO).columns, kWidestText) : 80;
}

size_t Context::table_width() const {
  return output_is_terminal_ ? terminal::window_size(STDOUT_FILENO).columns : kUnlimited;
}

bool Context::may_colour() const {
  return output_is_terminal_ && variable("NO_COLOR").value_or("").empty() &&
         variable("TERM").value_or("dumb") != "dumb";
}

base::Result<int> Context::print(std::string_view text) {
  base::Status written = base::write_all(STDOUT_FILENO, text);
  if (written) return kDone;
  if (written.error().os_error() == EPIPE) return kBrokenPipe;
  return base::Failure(std::move(written).error().with_context("write to standard output"));
}

base::Result<int> Context::print_json(const base::json::Value& value) {
  // A terminal would act on C1 controls that JSON lets stand.
  if (output_is_terminal_) return print(base::printable_lines(base::json::serialize_pretty(value)) + "\n");
  return print(base::json::serialize(value) + "\n");
}

void Context::note(std::string_view line) {
  // There is nowhere to tell that standard error cannot be written.
  static_cast<void>(base::write_all(STDERR_FILENO, std::string(line) + "\n"));
}

void Context::report(const base::Error& error) {
  if (json) {
    base::json::Object problem{{"code", std::string(base::code_name(error.code()))}, {"message", error.message()}};
    if (!error.hint().empty()) problem["hint"] = error.hint();
    return note(base::json::serialize(base::json::Object{{"error", std::move(problem)}}));
  }
  std::string text = "hydravisor: " + base::printable_lines(error.message());
  if (!error.hint().empty()) text += "\n  hint: " + base::printable_lines(error.hint());
  note(text);
}

base::Result<core::Paths> Context::paths() const {
  return core::find_paths({.uid = ::geteuid(),
                           .home = variable("HOME").value_or(""),
                           .xdg_config_home = variable("XDG_CONFIG_HOME").value_or(""),
                           .xdg_state_home = variable("XDG_STATE_HOME").value_or(""),
                           .xdg_runtime_dir = variable("XDG_RUNTIME_DIR").value_or("")});
}

// A value that no header could carry is told here; whether it is a token, the daemon knows.
base::Result<std::string> Context::token() const {
  std::string token = variable(kTokenVariable).value_or("");
  auto fits = [](char c) { return c > ' ' && c < 0x7f; };
  if (std::ranges::all_of(token, fits)) return token;
  return base::Failure(base::invalid_argument(base::format("{} is not a token", kTokenVariable))
                           .with_hint("one is printed by: hydravisor token create"));
}

base::Result<client::Client*> Context::client() {
  return connect(true);
}
base::Result<client::Client*> Context::client_of_running_daemon() {
  return connect(false);
}

base::Result<client::Client*> Context::connect(bool may_start) {
  if (client_) return client_.get();
  client::Access access{.socket = HV_TRY(paths()).socket, .program = "", .environment = {}, .token = HV_TRY(token())};
  if (may_start) {
    access.program = HV_TRY(client::find_program("hydravisord"));
    std::vector<std::string> entries;
    for (char* const* entry = environment_; *entry != nullptr; ++entry) entries.emplace_back(*entry);
    access.environment = client::daemon_environment(entries);
  }
  client_ = std::make_unique<client::Client>(HV_TRY(client::Client::connect(std::move(access))));
  return client_.get();
}

}  // namespace hv::cli
