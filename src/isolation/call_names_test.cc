#include "isolation/call_names.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "isolation/denied_calls.h"

namespace hv::isolation {
namespace {

TEST(CallNames, AreTheHeadersOwn) {
  EXPECT_EQ(call_number("ptrace"), SYS_ptrace);
  EXPECT_EQ(call_number("memfd_create"), SYS_memfd_create);
  EXPECT_EQ(call_number("no_such_call"), std::nullopt);
  EXPECT_EQ(call_name(SYS_ptrace), "ptrace");
  EXPECT_EQ(call_name(100'000), "");
}

TEST(CallNames, AgreeWithTheTableOfDeniedCalls) {
  for (const DeniedCall& entry : denied_calls)
    if (auto number = call_number(entry.name)) EXPECT_EQ(*number, entry.number) << entry.name;
}

TEST(CallNames, RefuseWhatNothingCouldStartWithout) {
  EXPECT_FALSE(call_to_deny("execve"));
  EXPECT_FALSE(call_to_deny("openat"));
  EXPECT_EQ(call_to_deny("ptrace"), SYS_ptrace);
  auto unknown = call_to_deny("ptrce");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().hint(), "did you mean 'ptrace'?");
}

}  // namespace
}  // namespace hv::isolation
