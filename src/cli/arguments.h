// A command line read against a command's table. The first word that is no option ends the options of a command that
// starts another one, so that `hydravisor run ls -l` gives -l to ls. Written by hand because of that, because of the
// nearest name in errors, and because a parser library costs a tenth of the time this program may take to start.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace hv::cli {

class Arguments {
 public:
  // invalid_argument, with a hint, for an unknown option, a missing or surplus value, too few or too many words. When
  // --help is among the options nothing else is checked.
  static base::Result<Arguments> parse(const Command& command, std::span<const std::string_view> words);

  bool has(std::string_view option) const;
  // The last one given.
  std::optional<std::string> value(std::string_view option) const;
  std::vector<std::string> values(std::string_view option) const;

  const std::vector<std::string>& words() const { return words_; }
  const std::string& word(size_t index) const { return words_.at(index); }
  const std::vector<std::string>& trailing() const { return trailing_; }

 private:
  std::vector<std::pair<std::string_view, std::string>> options_;  // by the option's name in the table
  std::vector<std::string> words_;
  std::vector<std::string> trailing_;
};

}  // namespace hv::cli
