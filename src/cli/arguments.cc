#include "cli/arguments.h"

#include "base/format.h"
#include "base/text.h"

namespace hv::cli {

namespace {

const Option* find_option(const Command& command, auto matches) {
  for (const Option& option : command.options)
    if (matches(option)) return &option;
  for (const Option& option : kCommonOptions)
    if (matches(option)) return &option;
  return nullptr;
}

base::Error usage_error(const Command& command, std::string message) {
  return base::invalid_argument(std::move(message)).with_hint(base::format("see: hydravisor {} --help", command.name));
}

base::Error unknown_option(const Command& command, std::string_view name) {
  std::vector<std::string> known;
  for (const Option& option : command.options)
    if (!option.hidden) known.emplace_back(option.name);
  for (const Option& option : kCommonOptions) known.emplace_back(option.name);
  std::string message = base::format("{}: unknown option '--{}'", command.name, base::printable(name));
  if (auto near = base::nearest(name, known))
    return base::invalid_argument(std::move(message)).with_hint(base::format("did you mean --{}?", *near));
  return usage_error(command, std::move(message));
}

base::Status check_count(const Command& command, size_t count) {
  size_t least = 0;
  size_t most = 0;
  for (const Argument& argument : command.arguments) {
    if (count < least + argument.least)
      return base::Failure(usage_error(command, base::format("{}: {} is missing", command.name, argument.name)));
    least += argument.least;
    most = argument.most == kAnyNumber ? kAnyNumber : most + argument.most;
  }
  if (count > most)
    return base::Failure(usage_error(command, base::format("{}: takes {}", command.name,
                                                           most == 0   ? "no names or paths"
                                                           : most == 1 ? "one argument"
                                                                       : base::format("at most {} arguments", most))));
  return {};
}

// How many words come before the command line that a command takes at its end.
size_t words_before_trailing(const Command& command) {
  size_t count = 0;
  for (const Argument& argument : command.arguments) count += argument.most;
  return count;
}

}  // namespace

base::Result<Arguments> Arguments::parse(const Command& command, std::span<const std::string_view> words) {
  Arguments parsed;
  bool options_ended = false;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    auto take_value = [&](const Option& option) -> base::Status {
      if (i + 1 >= words.size())
        return base::Failure(
            usage_error(command, base::format("{}: --{} needs a value ({})", command.name, option.name, option.value)));
      parsed.options_.emplace_back(option.name, words[++i]);
      return {};
    };
    if (!options_ended && word == "--") {
      options_ended = true;
      if (command.trailing == Trailing::none) continue;
      parsed.trailing_.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (options_ended || word.size() < 2 || word[0] != '-') {
      if (command.trailing != Trailing::none && parsed.words_.size() == words_before_trailing(command)) {
        parsed.trailing_.assign(words.begin() + static_cast<ptrdiff_t>(i), words.end());
        break;
      }
      parsed.words_.emplace_back(word);
    } else if (word[1] == '-') {
      word.remove_prefix(2);
      size_t equals = word.find('=');
      std::string_view name = word.substr(0, equals);
      const Option* option = find_option(command, [&](const Option& o) { return o.name == name; });
      if (!option) return base::Failure(unknown_option(command, name));
      if (option->value.empty()) {
        if (equals != std::string_view::npos)
          return base::Failure(usage_error(command, base::format("{}: --{} takes no value", command.name, name)));
        parsed.options_.emplace_back(option->name, "");
      } else if (equals != std::string_view::npos) {
        parsed.options_.emplace_back(option->name, word.substr(equals + 1));
      } else {
        HV_TRY(take_value(*option));
      }
    } else {
      for (size_t at = 1; at < word.size(); ++at) {
        const Option* option = find_option(command, [&](const Option& o) { return o.letter == word[at]; });
        if (!option)
          return base::Failure(usage_error(
              command, base::format("{}: unknown option '-{}'", command.name, base::printable(word.substr(at, 1)))));
        if (option->value.empty()) {
          parsed.options_.emplace_back(option->name, "");
          continue;
        }
        if (at + 1 < word.size())
          parsed.options_.emplace_back(option->name, word.substr(at + 1));
        else
          HV_TRY(take_value(*option));
        break;
      }
    }
  }
  if (parsed.has("help")) return parsed;
  for (const Option& option : command.options)
    if (!option.repeatable && !option.value.empty() && parsed.values(option.name).size() > 1)
      return base::Failure(usage_error(command, base::format("{}: --{} is given twice", command.name, option.name)));
  HV_TRY(check_count(command, parsed.words_.size()));
  if (command.trailing == Trailing::required_command && parsed.trailing_.empty())
    return base::Failure(usage_error(command, base::format("{}: the command to run is missing", command.name)));
  return parsed;
}

bool Arguments::has(std::string_view option) const {
  for (const auto& [name, value] : options_)
    if (name == option) return true;
  return false;
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  std::optional<std::string> found;
  for (const auto& [name, value] : options_)
    if (name == option) found = value;
  return found;
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  std::vector<std::string> found;
  for (const auto& [name, value] : options_)
    if (name == option) found.push_back(value);
  return found;
}

}  // namespace hv::cli
