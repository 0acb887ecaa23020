// What a shell may offer for the word under the cursor, found by walking the table of commands. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace hv::cli {

struct Offer {
  std::string word;
  std::string help;  // one line; empty: none
};

struct Completions {
  std::vector<Offer> offers;
  // What else the caller has to add: names from the daemon, or files, which the shell completes by itself.
  Completion kind = Completion::none;
  // The word belongs to a command line of its own that begins here: the shell completes it as such.
  bool another_command = false;
  std::string prefix;  // "--policy=": what the names are put behind
};

// `words` are those after the program's name; the last one is the word under the cursor and may be empty.
Completions complete(std::span<const std::string_view> words);

// The script that a shell reads; empty for an unknown shell.
std::string_view completion_script(std::string_view shell);

}  // namespace hv::cli
