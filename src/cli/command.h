// What a command is: data for the parser, the help text and the shells' completion, and the function that does it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"

namespace hv::cli {

class Arguments;
class Context;

// What a shell offers for a value.
enum class Completion {
  none,
  files,
  directories,
  sandboxes,
  policies,
  agents,
  homes,
  layers,
  workspace_modes,
  network_modes,
  shells,
  settings,
  actions,
  roles,
  tokens
};

struct Option {
  std::string_view name = {};   // without the dashes
  char letter = 0;              // 0: none
  std::string_view value = {};  // what its value is called; empty: the option has none
  std::string_view help = {};
  bool repeatable = false;
  bool hidden = false;  // works and is completed by nobody, for tests and experts; docs/cli.md names it
  Completion completion = Completion::none;
};

struct Argument {
  std::string_view name = {};
  size_t least = 1;
  size_t most = 1;
  Completion completion = Completion::none;
};

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

struct ExitCode {
  std::string_view code = {};
  std::string_view meaning = {};
};

enum class Trailing { none, optional_command, required_command };

struct Command {
  std::string_view name = {};  // "run", "audit ls"
  std::string_view summary = {};
  std::string_view description = {};
  std::span<const Option> options = {};
  std::span<const Argument> arguments = {};
  // Words after the arguments are a command line of their own: none of them is read as an option.
  Trailing trailing = Trailing::none;
  std::string_view example = {};              // one command line each line
  std::span<const ExitCode> exit_codes = {};  // beyond the usual ones of docs/exit-codes.md
  // Exits with the status of a command inside, which may be 2: then every failure of our own is 125, so that a script
  // can tell whose it was.
  bool passes_status = false;
  // The value is the exit code.
  base::Result<int> (*run)(Context&, const Arguments&) = nullptr;
  bool hidden = false;
};

// Every command has these.
inline constexpr Option kCommonOptions[] = {
    {.name = "json", .help = "Print JSON instead of text"},
    {.name = "help", .letter = 'h', .help = "Print this help"},
};

}  // namespace hv::cli
