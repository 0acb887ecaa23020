// config: what is said once for every run. Read and written here, without the daemon, which reads the same files at
// each start.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "config/config.h"
#include "config/edit.h"
#include "config/schema.h"
#include "config/setting.h"

namespace hv::cli {

namespace {

using base::Result;

constexpr size_t kLargestFile = size_t{1} << 20;

constexpr Option kShowOptions[] = {
    {.name = "effective", .help = "What holds, each value with who says so"},
    {.name = "policy",
     .value = "NAME",
     .help = "With --effective: as for a run with this option",
     .completion = Completion::policies},
    {.name = "workspace",
     .value = "MODE",
     .help = "With --effective: as for a run with this option",
     .completion = Completion::workspace_modes},
    {.name = "keep", .help = "With --effective: as for a run with this option"},
};
constexpr Argument kKey[] = {{.name = "KEY", .completion = Completion::settings}};
constexpr Argument kKeyAndValue[] = {{.name = "KEY", .completion = Completion::settings}, {.name = "VALUE"}};
constexpr Argument kFile[] = {{.name = "FILE", .least = 0, .completion = Completion::files}};
constexpr ExitCode kGetCodes[] = {{"0", "printed"}, {"1", "nothing is said and there is no default"}};
constexpr ExitCode kCheckCodes[] = {{"0", "everything can be understood"}, {"1", "something cannot; it is named"}};

Result<config::Sources> sources(Context& context) {
  core::Paths paths = HV_TRY(context.paths());
  return config::Sources{paths.system_config_file, paths.config_file, context.environment()};
}

base::json::Value json_of(const config::Value& value) {
  if (!value.text) return nullptr;
  if (value.setting->kind == config::Kind::boolean) return *value.text == "true";
  return base::json::Value(*value.text);
}

std::string shown(const config::Value& value) {
  return value.text ? base::printable(*value.text) : base::format("({})", value.setting->without);
}

Result<int> show_effective(Context& context, const Arguments& arguments) {
  std::map<std::string, std::string> flags;
  for (const config::KeySpec& setting : config::settings()) {
    std::string flag(setting.flag);
    if (setting.kind == config::Kind::boolean && arguments.has(flag)) flags[flag] = "true";
    if (auto text = arguments.value(flag); text && setting.kind != config::Kind::boolean)
      flags[flag] = HV_TRY_CONTEXT(context.usage(config::check_value(setting, *text)), "--" + flag);
  }
  config::Sources from = HV_TRY(sources(context));
  config::Effective all = HV_TRY(config::resolve(from, flags));
  if (context.json) {
    base::json::Array items;
    for (const config::Value& value : all)
      items.push_back(base::json::Object{{"key", value.setting->key()},
                                         {"value", json_of(value)},
                                         {"origin", core::name_of(value.origin)},
                                         {"place", value.place}});
    return context.print_json(base::json::Object{{"items", std::move(items)}});
  }
  Table table({"KEY", "VALUE", "FROM", "PLACE"});
  for (const config::Value& value : all)
    table.add({value.setting->key(), shown(value), std::string(core::name_of(value.origin)), value.place});
  return context.print(table.render(context.table_width()));
}

struct File {
  config::Origin layer;
  std::string path;
};

// Those that count, the first to be overruled first.
Result<std::vector<File>> files(Context& context) {
  core::Paths paths = HV_TRY(context.paths());
  std::vector<File> all{{config::Origin::system, paths.system_config_file}};
  if (paths.config_file != paths.system_config_file) all.push_back({config::Origin::user, paths.config_file});
  return all;
}

// nullopt: it does not exist.
Result<std::optional<std::string>> text_of(const std::string& path) {
  auto text = base::read_file(path, kLargestFile);
  if (text) return std::optional<std::string>(*std::move(text));
  if (text.error().code() == base::ErrorCode::not_found) return std::nullopt;
  return base::Failure(std::move(text).error());
}

Result<int> show(Context& context, const Arguments& arguments) {
  if (arguments.has("effective")) return show_effective(context, arguments);
  for (const config::KeySpec& setting : config::settings())
    if (arguments.has(std::string(setting.flag)))
      return context.usage<int>(
          base::Failure(base::invalid_argument(base::format("--{} needs --effective", setting.flag))));
  std::string out;
  base::json::Array items;
  for (const File& file : HV_TRY(files(context))) {
    std::optional<std::string> text = HV_TRY(text_of(file.path));
    items.push_back(base::json::Object{{"layer", core::name_of(file.layer)},
                                       {"path", file.path},
                                       {"exists", text.has_value()},
                                       {"text", base::printable_lines(text.value_or(""))}});
    out += base::format("# {}{}\n", base::printable(file.path), text ? "" : " does not exist");
    out += base::printable_lines(text.value_or(""));
    if (text && !text->ends_with('\n')) out += "\n";
  }
  if (context.json) return context.print_json(base::json::Object{{"files", std::move(items)}});
  return context.print(out);
}

Result<int> get(Context& context, const Arguments& arguments) {
  const config::KeySpec* setting = HV_TRY(context.usage(config::find_setting(arguments.word(0))));
  config::Sources from = HV_TRY(sources(context));
  for (const config::Value& value : HV_TRY(config::resolve(from))) {
    if (value.setting != setting) continue;
    int code = HV_TRY(context.json ? context.print_json(base::json::Object{{"key", setting->key()},
                                                                           {"value", json_of(value)},
                                                                           {"origin", core::name_of(value.origin)},
                                                                           {"place", value.place}})
                                   : context.print(value.text ? base::printable(*value.text) + "\n" : ""));
    if (value.text || code != kDone) return code;
    if (!context.json) context.note(base::format("{} is not set: {}", setting->key(), setting->without));
    return kNo;
  }
  return kNo;
}

// The file that a link leads to is the one to write, so that a link into a repository of settings stays one.
std::string followed(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  std::string result = real != nullptr ? real : path;
  std::free(real);
  return result;
}

Result<int> set(Context& context, const Arguments& arguments) {
  const config::KeySpec* setting = HV_TRY(context.usage(config::find_setting(arguments.word(0))));
  std::string value = HV_TRY(context.usage(config::check_value(*setting, arguments.word(1))));
  core::Paths paths = HV_TRY(context.paths());
  HV_TRY(base::make_directories(paths.config, paths.config_file == paths.system_config_file ? 0755 : 0700));
  std::string path = followed(paths.config_file);
  // Two at once would otherwise lose the change of one.
  base::Fd directory = HV_TRY(base::open_file(paths.config, O_RDONLY | O_DIRECTORY));
  while (::flock(directory.get(), LOCK_EX) != 0)
    if (errno != EINTR) return base::Failure(base::Error::from_errno(errno, "lock", paths.config));
  std::string before = HV_TRY(text_of(path)).value_or("");
  std::string after = HV_TRY(config::set(before, path, *setting, value));
  struct stat about{};
  mode_t mode = ::stat(path.c_str(), &about) == 0 ? about.st_mode & 07777
                                                  : (path == paths.system_config_file ? mode_t{0644} : mode_t{0600});
  if (after != before) HV_TRY(base::write_file_atomically(path, after, mode));
  // What a variable says goes before the file: then the change is not seen here.
  for (const config::Value& other : HV_TRY(config::parse_environment(context.environment())))
    if (other.setting == setting)
      context.note(base::format("{} is set in this environment and goes before the file", other.place));
  if (context.json)
    return context.print_json(
        base::json::Object{{"path", path}, {"key", setting->key()}, {"changed", after != before}});
  return context.print(base::format("{}: {} = {}\n", base::printable(path), setting->key(),
                                    base::printable(config::to_toml(*setting, value))));
}

Result<int> check(Context& context, const Arguments& arguments) {
  std::string out;
  base::json::Array items;
  bool valid = true;
  auto tell = [&](const std::string& what, bool exists, const base::Status& outcome) {
    valid &= outcome.has_value();
    base::json::Array faults;
    if (!outcome)
      for (std::string line : base::split(outcome.error().message(), '\n')) faults.emplace_back(std::move(line));
    items.push_back(
        base::json::Object{{"what", what}, {"exists", exists}, {"valid", outcome.has_value()}, {"faults", faults}});
    if (!outcome)
      out += base::printable_lines(outcome.error().message()) + "\n";
    else
      out += base::format("{}: {}\n", base::printable(what), exists ? "fine" : "does not exist");
  };
  auto tell_file = [&](const std::string& path, config::Origin layer, bool must_exist) {
    auto text = text_of(path);
    if (!text) return tell(path, true, base::Failure(std::move(text).error()));
    if (!*text && must_exist)
      return tell(path, false, base::Failure(base::not_found(base::format("{}: no such file", path))));
    base::Status outcome;
    if (*text)
      if (auto values = config::parse(**text, path, layer); !values) outcome = base::Failure(std::move(values).error());
    tell(path, text->has_value(), outcome);
  };
  if (!arguments.words().empty()) {
    tell_file(arguments.word(0), config::Origin::user, true);
  } else {
    for (const File& file : HV_TRY(files(context))) tell_file(file.path, file.layer, false);
    auto values = config::parse_environment(context.environment());
    tell("environment", true, values ? base::Status() : base::Status(base::Failure(values.error())));
  }
  int code = HV_TRY(context.json ? context.print_json(base::json::Object{{"valid", valid}, {"items", std::move(items)}})
                                 : context.print(out));
  return code == kDone && !valid ? kNo : code;
}

Result<int> path(Context& context, const Arguments&) {
  core::Paths paths = HV_TRY(context.paths());
  if (!context.json) return context.print(base::printable(paths.config_file) + "\n");
  return context.print_json(base::json::Object{{"config", paths.config_file},
                                               {"system_config", paths.system_config_file},
                                               {"policies", paths.policies},
                                               {"agents", paths.agents},
                                               {"state", paths.state},
                                               {"socket", paths.socket}});
}

Result<int> print_schema(Context& context, const Arguments&) {
  if (context.json) return context.print_json(config::schema());
  return context.print(base::json::serialize_pretty(config::schema()) + "\n");
}

}  // namespace

constexpr Command kConfigShow = {
    .name = "config show",
    .summary = "Print the configuration",
    .description =
        "Prints the configuration files: the system's and yours. With --effective it prints what holds for a run, and "
        "for each value who says so: default, system, user, environment or flag, the later before the earlier.",
    .options = kShowOptions,
    .arguments = {},
    .example = "hydravisor config show --effective",
    .exit_codes = {},
    .run = show,
};

constexpr Command kConfigGet = {
    .name = "config get",
    .summary = "Print one value that holds",
    .description = "Prints the value of KEY that holds here, whoever says so.",
    .options = {},
    .arguments = kKey,
    .example = "hydravisor config get run.policy",
    .exit_codes = kGetCodes,
    .run = get,
};

constexpr Command kConfigSet = {
    .name = "config set",
    .summary = "Change one value of your configuration",
    .description =
        "Writes VALUE into your configuration file, which is made when there is none. Comments and order stay. What "
        "would not be understood is refused before anything is written. It counts from the next run on; nothing needs "
        "a restart.",
    .options = {},
    .arguments = kKeyAndValue,
    .example = "hydravisor config set run.policy standard",
    .exit_codes = {},
    .run = set,
};

constexpr Command kConfigCheck = {
    .name = "config check",
    .summary = "Check that the configuration is understood",
    .description =
        "Checks FILE, or the configuration files and the variables of this environment, and names file, line and "
        "column of everything that is not understood.",
    .options = {},
    .arguments = kFile,
    .example = "hydravisor config check",
    .exit_codes = kCheckCodes,
    .run = check,
};

constexpr Command kConfigPath = {
    .name = "config path",
    .summary = "Print where the configuration lies",
    .description =
        "Prints the path of your configuration file; with --json also the system's, the directories of policies, "
        "agents and state, and the socket.",
    .options = {},
    .arguments = {},
    .example = "hydravisor config path",
    .exit_codes = {},
    .run = path,
};

constexpr Command kConfigSchema = {
    .name = "config schema",
    .summary = "Print the JSON Schema of the configuration",
    .description = "Prints the JSON Schema of config.toml, with which editors complete and check it.",
    .options = {},
    .arguments = {},
    .example = "hydravisor config schema > config.schema.json",
    .exit_codes = {},
    .run = print_schema,
};

}  // namespace hv::cli
