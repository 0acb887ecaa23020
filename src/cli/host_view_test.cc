#include "cli/host_view.h"

#include <gtest/gtest.h>

#include "cli/layout.h"

namespace hv::cli {

TEST(HostView, PutsWhatGotThroughFirst) {
  core::ProbeReport report{
      .sandbox = "web",
      .results =
          {{.id = "a", .category = "files", .status = core::ProbeStatus::held, .detail = "EACCES", .layers = {}},
           {.id = "b",
            .category = "calls",
            .status = core::ProbeStatus::got_through,
            .detail = "mounted",
            .layers = {}},
           {.id = "c", .category = "calls", .status = core::ProbeStatus::not_applicable, .detail = "", .layers = {}}},
      .proof = {}};
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

TEST(ProofText, SaysHowOldItIsWhatItCoversAndWhetherItCounts) {
  core::ProofInfo info;
  info.index = 41;
  info.time = *base::from_rfc3339("2026-11-25T10:00:00Z");
  info.sandbox = "s1";
  info.durability = core::Durability::sealed;
  info.proof.name = "web";
  info.proof.subject = {"mine", "aa", "bb", {"nested"}, "Linux 6.18", "cc", "0.1.0"};
  info.proof.held = true;
  info.proof.layers = {"seccomp", "landlock: ABI 7"};
  info.proof.verdicts = {{"keyctl", "held"}, {"mount", "not_applicable"}};
  EXPECT_EQ(proof_text(info, info.time + std::chrono::minutes(95), kUnlimited),
            "record 41: nothing got through\n"
            "  time        2026-11-25T10:00:00.000000000Z (1h35m ago)\n"
            "  counts      for a start with this policy\n"
            "  signed      yes; check it: hydravisor audit verify\n"
            "  sandbox     web (s1)\n"
            "  policy      mine, sha256 aa\n"
            "  with        nested\n"
            "  plan        sha256 bb\n"
            "  kernel      Linux 6.18\n"
            "  machine     cc\n"
            "  hydravisor  0.1.0\n"
            "  layers      seccomp\n"
            "              landlock: ABI 7\n"
            "1 held: keyctl\n"
            "1 not applicable: mount\n");
  info.proof.held = false;
  info.proof.failed = {{"keyctl", "calls", core::ProbeStatus::got_through, "", {}}};
  info.stale = "something\x1b[31m";
  std::string text = proof_text(info, info.time - std::chrono::minutes(1), kUnlimited);
  EXPECT_TRUE(text.starts_with("record 41: 1 PROBES GOT THROUGH\n")) << text;
  EXPECT_NE(text.find("counts      no longer: something\\x1b[31m\n"), std::string::npos) << text;
  EXPECT_NE(text.find("(still to come, by this machine's clock)"), std::string::npos) << text;
}

}  // namespace hv::cli
