#include "cli/host_view.h"

#include <gtest/gtest.h>

#include "cli/layout.h"

namespace hv::cli {

TEST(HostView, PutsWhatGotThroughFirst) {
  core::ProbeReport report{
      .sandbox = "web",
      .results = {{.id = "a", .category = "files", .status = core::ProbeStatus::held, .detail = "EACCES"},
                  {.id = "b", .category = "calls", .status = core::ProbeStatus::got_through, .detail = "mounted"},
                  {.id = "c", .category = "calls", .status = core::ProbeStatus::not_applicable, .detail = ""}}};
  EXPECT_EQ(probe_text(report, kUnlimited),
            "PROBE  CATEGORY  STATUS          DETAIL\n"
            "b      calls     GOT THROUGH     mounted\n"
            "a      files     held            EACCES\n"
            "c      calls     not applicable\n"
            "1 held, 1 got through, 1 not applicable\n");
}

TEST(HostView, NamesTheFixOfWhatIsMissing) {
  core::DoctorReport report{.usable = false,
                            .checks = {{.id = "overlay", .status = core::CheckStatus::ok, .detail = "works", .fix = ""},
                                       {.id = "userns",
                                        .status = core::CheckStatus::missing,
                                        .detail = "user namespaces are forbidden",
                                        .fix = "sudo sysctl kernel.unprivileged_userns_clone=1"}}};
  EXPECT_EQ(doctor_text(report, 80),
            "SANDBOXES CANNOT BE STARTED ON THIS MACHINE.\n"
            "  missing   userns: user namespaces are forbidden\n"
            "            fix: sudo sysctl kernel.unprivileged_userns_clone=1\n"
            "  ok        overlay: works\n");
}

}  // namespace hv::cli
