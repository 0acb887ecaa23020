#include "isolation/capabilities.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include "isolation/in_child.h"

namespace hv::isolation {
namespace {

TEST(Capabilities, AreGoneForGoodAfterTheDrop) {
  EXPECT_EQ(in_child([] {
              if (!set_no_new_privs()) return 1;
              if (!drop_all_capabilities()) return 2;
              if (!verify_no_capabilities()) return 3;
              // Going back to id 0 gives nothing either.
              if (::geteuid() == 0 && (::setuid(0) != 0 || !verify_no_capabilities())) return 4;
              return 0;
            }),
            0);
}

TEST(Capabilities, AreGoneAfterAnExecByIdZero) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: only then does exec give capabilities back";
  EXPECT_EQ(in_child([] {
              if (!drop_all_capabilities()) return 2;
              return ::execl("/bin/sh", "sh", "-c", "grep -q '^CapEff:.0000000000000000$' /proc/self/status", nullptr),
                     1;
            }),
            0);
  EXPECT_NE(in_child([] {
              return ::execl("/bin/sh", "sh", "-c", "grep -q '^CapEff:.0000000000000000$' /proc/self/status", nullptr),
                     1;
            }),
            0)
      << "the control";
}

TEST(Capabilities, CheckRefusesAProcessThatHoldsOne) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  auto status = verify_no_capabilities();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("effective"), std::string::npos);
}

TEST(Capabilities, DropTwiceIsNotAnError) {
  EXPECT_EQ(in_child([] { return drop_all_capabilities() && drop_all_capabilities() ? 0 : 1; }), 0);
}

TEST(Capabilities, SetUserIdProgramsGiveNothingUnderNoNewPrivs) {
  EXPECT_EQ(in_child([] { return set_no_new_privs() && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1; }), 0);
}

}  // namespace
}  // namespace hv::isolation
