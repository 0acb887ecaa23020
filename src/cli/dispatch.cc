#include "cli/dispatch.h"

#include <string>

#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/help.h"

namespace hv::cli {

namespace {

bool asks_for_help(std::string_view word) {
  return word == "--help" || word == "-h";
}

int finish(Context& context, const base::Result<int>& result) {
  if (result) return *result;
  context.report(result.error());
  return kFailed;
}

int usage_error(Context& context, const base::Error& error) {
  context.report(error);
  return kUsage;
}

int unknown_command(Context& context, std::string_view typed) {
  base::Error error = base::invalid_argument(base::format("unknown command '{}'", base::printable(typed)));
  if (auto near = nearest_command(typed))
    return usage_error(context, std::move(error).with_hint(base::format("did you mean 'hydravisor {}'?", *near)));
  return usage_error(context, std::move(error).with_hint(base::format(
                                  "to run it in a sandbox: hydravisor run {}; all commands: hydravisor --help",
                                  base::shell_quote(base::printable(typed)))));
}

int group_help(Context& context, std::string_view group, std::span<const std::string_view> rest) {
  std::string help = help_of_group(group, context.width());
  if (!rest.empty() && asks_for_help(rest[0])) return finish(context, context.print(help));
  if (!rest.empty()) return unknown_command(context, base::format("{} {}", group, rest[0]));
  context.note(help);
  return kUsage;
}

int run_command(Context& context, const Command& command, std::span<const std::string_view> words) {
  for (std::string_view word : words) context.json |= word == "--json";  // also for errors of the parser; refined below
  auto arguments = Arguments::parse(command, words);
  auto finish_it = [&](const base::Result<int>& result) {
    if (result) return *result;
    context.report(result.error());
    return context.usage_failed() && !command.passes_status ? kUsage : kFailed;
  };
  if (!arguments) return finish_it(context.usage<int>(base::Failure(arguments.error())));
  context.json = arguments->has("json");
  if (arguments->has("help")) return finish_it(context.print(help_of(command, context.width())));
  return finish_it(command.run(context, *arguments));
}

int help(Context& context, std::span<const std::string_view> words) {
  if (words.empty()) return finish(context, context.print(overview(context.width())));
  std::string name(words[0]);
  for (std::string_view word : words.subspan(1)) name.append(" ").append(word);
  if (const Command* command = find_command(name))
    return finish(context, context.print(help_of(*command, context.width())));
  if (!commands_below(name).empty()) return finish(context, context.print(help_of_group(name, context.width())));
  return unknown_command(context, name);
}

}  // namespace

int dispatch(std::span<const std::string_view> words, char* const* environment) {
  Context context(environment);
  if (words.empty()) {
    context.note(overview(context.width()));
    return kUsage;
  }
  std::string_view first = words[0];
  auto rest = words.subspan(1);
  if (first == "--version" || first == "-V") return run_command(context, kVersionCommand, rest);
  if (asks_for_help(first)) return help(context, {});
  if (first == "help") return help(context, rest);
  if (!rest.empty())
    if (const Command* command = find_command(base::format("{} {}", first, rest[0])))
      return run_command(context, *command, rest.subspan(1));
  if (const Command* command = find_command(first)) return run_command(context, *command, rest);
  if (!commands_below(first).empty()) return group_help(context, first, rest);
  if (first.starts_with('-'))
    return usage_error(context, base::invalid_argument(base::format("unknown option '{}'", base::printable(first)))
                                    .with_hint("options come after the command: hydravisor --help"));
  return unknown_command(context, first);
}

}  // namespace hv::cli
