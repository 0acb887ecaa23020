#include "cli/help.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "cli/command_table.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

constexpr size_t kWidestLabel = 26;

std::string label_of(const Option& option) {
  std::string label = option.letter != 0 ? base::format("-{}, ", option.letter) : "    ";
  label += base::format("--{}", option.name);
  if (!option.value.empty()) label += base::format(" {}", option.value);
  return label;
}

// "  label    text", the text wrapped beside the label or, where the label is too long, below it.
std::string entry(std::string_view label, std::string_view text, size_t label_width, size_t width) {
  std::string line = "  " + std::string(label);
  size_t indent = label_width + 4;
  if (display_width(label) > label_width)
    line.append("\n").append(indent, ' ');
  else
    line.append(indent - display_width(line), ' ');
  return line + wrap(text, std::max<size_t>(width, indent + 20), indent, indent) + "\n";
}

size_t label_width(const std::vector<std::string>& labels) {
  size_t widest = 0;
  for (const std::string& label : labels)
    if (size_t w = display_width(label); w <= kWidestLabel) widest = std::max(widest, w);
  return widest;
}

std::string section(std::string_view title, const std::vector<std::pair<std::string, std::string>>& entries,
                    size_t width) {
  std::vector<std::string> labels;
  for (const auto& [label, text] : entries) labels.push_back(label);
  std::string out = base::format("\n{}:\n", title);
  for (const auto& [label, text] : entries) out += entry(label, text, label_width(labels), width);
  return out;
}

}  // namespace

std::string usage_of(const Command& command) {
  std::string out = base::format("hydravisor {}", command.name);
  bool has_options = std::ranges::any_of(command.options, [](const Option& option) { return !option.hidden; });
  if (has_options) out += " [OPTIONS]";
  for (const Argument& argument : command.arguments) {
    std::string_view more = argument.most == kAnyNumber ? "..." : "";
    out +=
        argument.least == 0 ? base::format(" [{}{}]", argument.name, more) : base::format(" {}{}", argument.name, more);
  }
  if (command.trailing == Trailing::required_command) out += " [--] COMMAND [ARG...]";
  if (command.trailing == Trailing::optional_command) out += " [[--] COMMAND [ARG...]]";
  return out;
}

std::string help_of(const Command& command, size_t width) {
  std::string out = wrap("Usage: " + usage_of(command), width, 7) + "\n\n" + wrap(command.description, width) + "\n";
  std::vector<std::pair<std::string, std::string>> options;
  for (const Option& option : command.options)
    if (!option.hidden) options.emplace_back(label_of(option), option.help);
  for (const Option& option : kCommonOptions) options.emplace_back(label_of(option), option.help);
  out += section("Options", options, width);
  std::vector<std::pair<std::string, std::string>> codes;
  for (const ExitCode& code : command.exit_codes) codes.emplace_back(code.code, code.meaning);
  if (codes.empty()) codes.emplace_back("0", "done");
  if (!command.passes_status) codes.emplace_back("2", "the command line cannot be understood");
  codes.emplace_back("125",
                     command.passes_status
                         ? "Hydravisor failed, refused or did not understand its command line; the message says why"
                         : "Hydravisor failed or refused; the message says why");
  out += section("Exit codes", codes, width);
  out += "\nExample:\n";
  for (const std::string& line : base::split(command.example, '\n')) out += "  " + line + "\n";
  return out;
}

std::string overview(size_t width) {
  std::string out = wrap("Usage: hydravisor COMMAND [OPTIONS] [ARGUMENTS]", width, 7) + "\n\n" +
                    wrap(
                        "Runs any program, an AI agent above all, in a sandbox on this machine: its own home, your "
                        "tools, your project copy-on-write, a record of what it did, and its changes shown before they "
                        "reach your files.",
                        width) +
                    "\n";
  for (const CommandGroup& group : command_groups()) {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const Command* command : group.commands)
      if (!command->hidden) entries.emplace_back(command->name, command->summary);
    out += section(group.title, entries, width);
  }
  out += "\n" +
         wrap("Every command has --help with an example, and --json. The short name of hydravisor is hv.", width) +
         "\n";
  out += "\nExample:\n  hydravisor run -- make test\n";
  return out;
}

std::string help_of_group(std::string_view group, size_t width) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Command* command : commands_below(group))
    if (!command->hidden) entries.emplace_back(command->name, command->summary);
  std::string out = wrap(base::format("Usage: hydravisor {} COMMAND [OPTIONS] [ARGUMENTS]", group), width, 7) + "\n";
  return out + section("Commands", entries, width);
}

}  // namespace hv::cli
