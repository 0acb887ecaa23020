#include "cli/command_table.h"

#include <set>

#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/arguments.h"

namespace hv::cli {

static std::vector<const Command*> all_commands() {
  std::vector<const Command*> all;
  for (const CommandGroup& group : command_groups())
    all.insert(all.end(), group.commands.begin(), group.commands.end());
  return all;
}

TEST(CommandTable, HoldsEachNameOnce) {
  std::set<std::string_view> names;
  for (const Command* command : all_commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name;
    EXPECT_EQ(find_command(command->name), command);
  }
}

TEST(CommandTable, DescribesEveryCommandAndItsOptionsOnce) {
  for (const Command* command : all_commands()) {
    EXPECT_NE(command->run, nullptr) << command->name;
    EXPECT_FALSE(command->summary.empty() || command->description.empty() || command->example.empty()) << command->name;
    EXPECT_FALSE(command->summary.ends_with('.')) << command->name;
    std::set<std::string_view> names{"json", "help"};
    std::set<char> letters{'h'};
    for (const Option& option : command->options) {
      EXPECT_FALSE(option.help.empty()) << command->name << " --" << option.name;
      EXPECT_TRUE(names.insert(option.name).second) << command->name << " --" << option.name;
      EXPECT_TRUE(option.letter == 0 || letters.insert(option.letter).second) << command->name << " -" << option.letter;
    }
  }
}

TEST(CommandTable, HasExamplesThatParse) {
  for (const Command* command : all_commands())
    for (const std::string& line : base::split(command->example, '\n')) {
      std::string prefix = "hydravisor " + std::string(command->name);
      size_t at = line.find(prefix);
      ASSERT_NE(at, std::string::npos) << line;
      std::string rest = line.substr(at + prefix.size());
      rest = rest.substr(0, rest.find_first_of(">)"));
      std::vector<std::string> words;
      for (std::string& word : base::split(rest, ' '))
        if (!word.empty()) words.push_back(std::move(word));
      std::vector<std::string_view> views(words.begin(), words.end());
      auto parsed = Arguments::parse(*command, views);
      EXPECT_TRUE(parsed.has_value()) << line << ": " << (parsed ? "" : parsed.error().text());
    }
}

TEST(CommandTable, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_command("rnu"), "run");
  EXPECT_EQ(nearest_command("inspct"), "inspect");
  EXPECT_EQ(nearest_command("adit"), "audit");
  EXPECT_EQ(nearest_command("audit verfy"), "audit verify");
  EXPECT_EQ(nearest_command("claude"), std::nullopt);
}

}  // namespace hv::cli
