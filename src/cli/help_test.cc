#include "cli/help.h"

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
    expect_golden(base::format("overview_{}", width), overview(width));
    expect_golden(base::format("help_run_{}", width), help_of(kRun, width));
    expect_golden(base::format("help_apply_{}", width), help_of(kApply, width));
    expect_golden(base::format("help_audit_{}", width), help_of_group("audit", width));
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

}  // namespace hv::cli
