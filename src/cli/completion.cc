#include "cli/completion.h"

#include <algorithm>

#include "base/format.h"
#include "cli/command_table.h"
#include "config/setting.h"
#include "core/action.h"
#include "core/run_request.h"

namespace hv::cli {

namespace {

void offer(Completions& found, std::string_view typed, std::string word, std::string_view help) {
  if (!word.starts_with(typed)) return;
  if (std::ranges::none_of(found.offers, [&](const Offer& known) { return known.word == word; }))
    found.offers.push_back({.word = std::move(word), .help = std::string(help)});
}

void offer_names(Completions& found, std::string_view typed, Completion kind) {
  auto add = [&](const auto& table) {
    for (auto [value, name] : table) offer(found, typed, found.prefix + std::string(name), "");
  };
  if (kind == Completion::network_modes) return add(core::Names<core::NetworkMode>::table);
  if (kind == Completion::workspace_modes) return add(core::Names<core::WorkspaceMode>::table);
  if (kind == Completion::actions) return add(core::Names<core::Action>::table);
  if (kind == Completion::layers) return add(core::Names<core::Layer>::table);
  if (kind == Completion::settings) {
    for (const config::KeySpec& setting : config::settings()) offer(found, typed, setting.key(), setting.help);
    return;
  }
  if (kind == Completion::shells) {
    for (std::string_view shell : {"bash", "zsh", "fish"}) offer(found, typed, std::string(shell), "");
    return;
  }
  found.kind = kind;
}

const Option* option_named(const Command& command, std::string_view word) {
  auto matches = [&](const Option& option) {
    return word.starts_with("--") ? option.name == word.substr(2) : word.size() == 2 && option.letter == word[1];
  };
  for (const Option& option : command.options)
    if (matches(option)) return &option;
  return nullptr;
}

Completion kind_of_argument(const Command& command, size_t position) {
  for (const Argument& argument : command.arguments) {
    if (argument.most == kAnyNumber || position < argument.most) return argument.completion;
    position -= argument.most;
  }
  return Completion::none;
}

// The words of one command: its options, the values of options, its names and paths.
Completions complete_command(const Command& command, std::span<const std::string_view> words) {
  Completions found;
  std::string_view typed = words.back();
  size_t position = 0;
  bool options_ended = false;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    std::string_view word = words[i];
    size_t arguments = 0;
    for (const Argument& argument : command.arguments) arguments += argument.most;
    bool is_option = !options_ended && word.size() > 1 && word[0] == '-';
    if (word == "--" && !options_ended) {
      options_ended = true;
      if (command.trailing != Trailing::none) found.another_command = true;
    } else if (!is_option) {
      if (command.trailing != Trailing::none && position == arguments) found.another_command = true;
      ++position;
    } else if (const Option* option = option_named(command, word); option && !option->value.empty()) {
      if (i + 2 == words.size()) {
        offer_names(found, typed, option->completion);
        return found;
      }
      ++i;
    }
  }
  if (found.another_command) return found;
  if (!options_ended && typed.starts_with("--") && typed.find('=') != std::string_view::npos) {
    found.prefix = typed.substr(0, typed.find('=') + 1);
    if (const Option* option = option_named(command, typed.substr(0, typed.find('='))))
      offer_names(found, typed, option->completion);
    return found;
  }
  if (!options_ended && typed.starts_with('-')) {
    for (const Option& option : command.options)
      if (!option.hidden) offer(found, typed, base::format("--{}", option.name), option.help);
    for (const Option& option : kCommonOptions) offer(found, typed, base::format("--{}", option.name), option.help);
    return found;
  }
  size_t arguments = 0;
  for (const Argument& argument : command.arguments) arguments += argument.most;
  if (command.trailing != Trailing::none && position >= arguments)
    found.another_command = true;
  else
    offer_names(found, typed, kind_of_argument(command, position));
  return found;
}

}  // namespace

Completions complete(std::span<const std::string_view> words) {
  Completions found;
  if (words.empty()) return found;
  if (words.size() == 1) {
    for (const CommandGroup& group : command_groups())
      for (const Command* command : group.commands) {
        if (command->hidden) continue;
        bool single = command->name.find(' ') == std::string_view::npos;
        offer(found, words[0], std::string(command->name.substr(0, command->name.find(' '))),
              single ? command->summary : group.title);
      }
    for (std::string_view option : {"--help", "--version"})
      if (words[0].starts_with('-')) offer(found, words[0], std::string(option), "");
    return found;
  }
  if (const Command* command = find_command(words[0])) return complete_command(*command, words.subspan(1));
  if (words.size() == 2) {
    for (const Command* command : commands_below(words[0]))
      if (!command->hidden)
        offer(found, words[1], std::string(command->name.substr(words[0].size() + 1)), command->summary);
    return found;
  }
  if (const Command* command = find_command(base::format("{} {}", words[0], words[1])))
    return complete_command(*command, words.subspan(2));
  return found;
}

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash")
    return R"script(# hydravisor's completion for bash: eval "$(hydravisor completion bash)"
_hydravisor() {
  # Without '=' and ':' as separators, so that --policy=x is one word.
  local current words=() kind word help before=
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local cword
    _get_comp_words_by_ref -n =: -c current -w words -i cword
    words=("${words[@]:1:cword}")
  else
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
      if ((${#words[@]})) && [[ "$word" == [=:] || "$before" == [=:] ]]; then
        words[-1]+="$word"
      else
        words+=("$word")
      fi
      before="$word"
    done
    current="${words[-1]}"
  fi
  COMPREPLY=()
  while IFS=$'\t' read -r kind word help; do
    case "$kind" in
      word)
        # What stands before '=' is already on the line, and readline replaces only what follows it.
        [[ "$current" == *=* ]] && word="${word#*=}"
        COMPREPLY+=("$word") ;;
      files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      command) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
}
complete -F _hydravisor hydravisor hv
)script";
  if (shell == "zsh")
    return R"script(#compdef hydravisor hv
# hydravisor's completion for zsh: hydravisor completion zsh > a directory of $fpath/_hydravisor
_hydravisor() {
  local kind word help
  local -a offers
  while IFS=$'\t' read -r kind word help; do
    case "$kind" in
      word) offers+=("${word//:/\\:}${help:+:$help}") ;;
      files) _files ;;
      directories) _files -/ ;;
      command) _command_names -e; _files ;;
    esac
  done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#offers} )) && _describe hydravisor offers
}
if [[ "${funcstack[1]}" == _hydravisor ]]; then _hydravisor "$@"; else compdef _hydravisor hydravisor hv; fi
)script";
  if (shell == "fish")
    return R"script(# hydravisor's completion for fish: hydravisor completion fish > ~/.config/fish/completions/hydravisor.fish
function __hydravisor_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null | while read -l -d \t kind word help
        switch $kind
            case word
                printf '%s\t%s\n' $word $help
            case files
                __fish_complete_path (commandline -ct)
            case directories
                __fish_complete_directories (commandline -ct)
            case command
                __fish_complete_command
                __fish_complete_path (commandline -ct)
        end
    end
end
complete -c hydravisor -f -a '(__hydravisor_complete)'
complete -c hv -f -a '(__hydravisor_complete)'
)script";
  return {};
}

}  // namespace hv::cli
