#include "cli/man.h"

#include <gtest/gtest.h>

#include "cli/commands.h"

namespace hv::cli {
namespace {

TEST(Man, HasAPageForEachCommandWithItsOptionsAndCodes) {
  std::string page = man_page(kAuditVerify, "2026-01-31");
  EXPECT_EQ(man_name(kAuditVerify), "hydravisor-audit-verify");
  EXPECT_TRUE(page.starts_with(".TH HYDRAVISOR\\-AUDIT\\-VERIFY 1 2026-01-31 \"Hydravisor ")) << page;
  EXPECT_NE(page.find("\n.B \\-\\-json\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\n.B 125\n"), std::string::npos) << page;
}

TEST(Man, DoesNotNameHiddenOptionsAndCommands) {
  EXPECT_EQ(man_page(kRun, "2026-01-31").find("skip\\-layer"), std::string::npos);
  EXPECT_EQ(man_overview("2026-01-31").find("__complete"), std::string::npos);
  EXPECT_NE(man_overview("2026-01-31").find("hydravisor\\-run (1)"), std::string::npos);
}

TEST(Man, LeavesNoTextThatRoffWouldTakeForARequest) {
  static constexpr Command command = {.name = "x",
                                      .summary = "s",
                                      .description = ".so /etc/passwd\n'br \\*",
                                      .options = {},
                                      .arguments = {},
                                      .example = "e",
                                      .exit_codes = {}};
  EXPECT_NE(man_page(command, "2026-01-31").find("\n\\&.so /etc/passwd\n\\&\\(aqbr \\e*\n"), std::string::npos)
      << man_page(command, "2026-01-31");
}

}  // namespace
}  // namespace hv::cli
