#include "cli/help.h"

#include <gtest/gtest.h>

#include "base/format.h"
#include "base/text.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/golden_test.h"
#include "cli/layout.h"

namespace hv::cli {

constexpr size_t kWidths[] = {60, 80, 120};

TEST(Help, IsTheSameTextAsBefore) {
  for (size_t width : kWidths) {
    EXPECT_EQ(overview(width), golden(base::format("overview_{}", width), overview(width)));
    EXPECT_EQ(help_of(kRun, width), golden(base::format("help_run_{}", width), help_of(kRun, width)));
    EXPECT_EQ(help_of(kApply, width), golden(base::format("help_apply_{}", width), help_of(kApply, width)));
    EXPECT_EQ(help_of_group("audit", width),
              golden(base::format("help_audit_{}", width), help_of_group("audit", width)));
  }
}

TEST(Help, KeepsToTheWidthExceptForExamples) {
  for (size_t width : kWidths)
    for (const CommandGroup& group : command_groups())
      for (const Command* command : group.commands) {
        std::string text = help_of(*command, width);
        for (const std::string& line : base::split(text.substr(0, text.find("\nExample:")), '\n'))
          EXPECT_LE(display_width(line), width) << command->name << ": " << line;
      }
}

TEST(Help, ShowsHowACommandIsCalled) {
  EXPECT_EQ(usage_of(kRun), "hydravisor run [OPTIONS] [--] COMMAND [ARG...]");
  EXPECT_EQ(usage_of(kCreate), "hydravisor create [OPTIONS] [[--] COMMAND [ARG...]]");
  EXPECT_EQ(usage_of(kDiff), "hydravisor diff [OPTIONS] NAME [PATH...]");
  EXPECT_EQ(usage_of(kRemove), "hydravisor rm [OPTIONS] NAME...");
}

TEST(Help, DoesNotNameHiddenOptions) {
  EXPECT_EQ(help_of(kRun, 80).find("skip-layer"), std::string::npos);
}

// docs/cli.md ends in the help of every command, after this line. UPDATE_GOLDEN=1 writes it anew.
TEST(Help, StandsInTheDocuments) {
  std::string_view marker = "<!-- From here on: the help of every command. -->\n";
  std::string path = std::string(HYDRAVISOR_SOURCE_DIR) + "/docs/cli.md";
  auto document = base::read_file(path);
  ASSERT_TRUE(document.has_value()) << path;
  size_t end = document->find(marker);
  ASSERT_NE(end, std::string::npos);
  std::string expected = document->substr(0, end + marker.size());
  for (const CommandGroup& group : command_groups()) {
    expected += base::format("\n## {}\n", group.title);
    for (const Command* command : group.commands)
      if (!command->hidden)
        expected += base::format("\n### {}\n\n```text\n{}```\n", command->name, help_of(*command, 100));
  }
  if (std::getenv("UPDATE_GOLDEN") != nullptr)
    ASSERT_TRUE(base::replace_file(path, expected, 0644).has_value());
  else
    EXPECT_EQ(*document, expected) << "docs/cli.md is not what the commands' tables say; write it with UPDATE_GOLDEN=1";
}

}  // namespace hv::cli
