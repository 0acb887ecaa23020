// completion: the script that a shell reads. __complete: what that script asks at each press of the key. __man: what
// the build asks for the manual pages.
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/man.h"
#include "client/client.h"

namespace hv::cli {

namespace {

constexpr Argument kShell[] = {{.name = "SHELL", .completion = Completion::shells}};

base::Result<int> completion(Context& context, const Arguments& arguments) {
  std::string_view script = completion_script(arguments.word(0));
  if (script.empty())
    return context.usage<int>(base::Failure(
        base::invalid_argument(base::format("completion: unknown shell '{}'", base::printable(arguments.word(0))))
            .with_hint("known: bash, zsh, fish")));
  if (context.json) return context.print_json(base::json::Object{{"shell", arguments.word(0)}, {"script", script}});
  return context.print(script);
}

// A daemon is not started only to complete a word.
base::Result<std::vector<std::string>> names_of(Context& context, Completion kind) {
  std::vector<std::string> names;
  client::Client* client = HV_TRY(context.client_of_running_daemon());
  auto add = [&](const auto& items, auto member) {
    for (const auto& item : items) names.push_back(item.*member);
  };
  if (kind == Completion::sandboxes) add(HV_TRY(client->list()), &core::SandboxInfo::name);
  if (kind == Completion::policies) add(HV_TRY(client->policies()), &core::PolicyInfo::name);
  if (kind == Completion::agents) add(HV_TRY(client->agents()), &core::AgentInfo::name);
  if (kind == Completion::homes) add(HV_TRY(client->homes()), &core::HomeInfo::key);
  if (kind == Completion::roles) add(HV_TRY(client->access()).roles, &core::AccessRoleInfo::name);
  if (kind == Completion::tokens) add(HV_TRY(client->tokens()), &core::TokenInfo::id);
  return names;
}

// Lines of "word<TAB>WORD<TAB>HELP", or one of "files", "directories", "command".
base::Result<int> complete_word(Context& context, const Arguments& arguments) {
  std::vector<std::string_view> words(arguments.trailing().begin(), arguments.trailing().end());
  Completions found = complete(words);
  if (found.another_command) return context.print("command\n");
  if (found.kind == Completion::files) return context.print("files\n");
  if (found.kind == Completion::directories) return context.print("directories\n");
  if (found.kind != Completion::none)
    if (auto names = names_of(context, found.kind))
      for (const std::string& name : *names)
        if ((found.prefix + name).starts_with(words.back()))
          found.offers.push_back({.word = found.prefix + name, .help = ""});
  std::string out;
  for (const Offer& offer : found.offers)
    out += base::format("word\t{}\t{}\n", base::printable(offer.word), offer.help);
  return context.print(out);
}

constexpr Argument kManArguments[] = {{.name = "DIRECTORY", .completion = Completion::directories}, {.name = "DATE"}};

base::Result<int> write_man_pages(Context&, const Arguments& arguments) {
  const std::string& directory = arguments.word(0);
  const std::string& date = arguments.word(1);
  HV_TRY(base::make_directories(directory, 0755));
  auto write = [&](const std::string& name, const std::string& text) {
    return base::replace_file(base::format("{}/{}.1", directory, name), text, 0644);
  };
  HV_TRY(write("hydravisor", man_overview(date)));
  for (const CommandGroup& group : command_groups())
    for (const Command* command : group.commands)
      if (!command->hidden) HV_TRY(write(man_name(*command), man_page(*command, date)));
  return kDone;
}

}  // namespace

constexpr Command kManPages = {
    .name = "__man",
    .summary = "Write the manual pages into a directory",
    .description = "Writes the manual pages of all commands, dated DATE (YYYY-MM-DD), into DIRECTORY.",
    .options = {},
    .arguments = kManArguments,
    .example = "hydravisor __man man1 2026-01-31",
    .exit_codes = {},
    .run = write_man_pages,
    .hidden = true,
};

constexpr Command kCompletion = {
    .name = "completion",
    .summary = "Print the completion script for a shell",
    .description =
        "Prints what makes SHELL (bash, zsh or fish) complete commands, options and the names of sandboxes, policies, "
        "agents and "
        "homes.",
    .options = {},
    .arguments = kShell,
    .example = "eval \"$(hydravisor completion bash)\"",
    .exit_codes = {},
    .run = completion,
};

constexpr Command kComplete = {
    .name = "__complete",
    .summary = "What the completion scripts call",
    .description = "Prints what a shell may offer for the last WORD.",
    .options = {},
    .arguments = {},
    .trailing = Trailing::optional_command,
    .example = "hydravisor __complete -- run --pol",
    .exit_codes = {},
    .run = complete_word,
    .hidden = true,
};

}  // namespace hv::cli
