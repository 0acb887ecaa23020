#include "isolation/allow_list.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "isolation/native_architecture.h"
#include "isolation/run_filter_test.h"

namespace hv::isolation {
namespace {

constexpr uint32_t allow = SECCOMP_RET_ALLOW;
constexpr uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;

uint32_t ask(const std::string& program, long number, std::array<uint64_t, 2> arguments = {},
             uint32_t architecture = native_architecture) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  data.args[0] = arguments[0];
  data.args[1] = arguments[1];
  return run_filter(program, data);
}

TEST(AllowList, RefusesEveryCallThatIsNotOnIt) {
  const long calls[] = {SYS_read, SYS_close, SYS_exit_group};
  std::string program = allow_only(calls);
  for (long number = 0; number < 1024; ++number) {
    bool listed = number == SYS_read || number == SYS_close || number == SYS_exit_group;
    EXPECT_EQ(ask(program, number), listed ? allow : refuse) << number;
  }
  EXPECT_EQ(ask(allow_only({}), SYS_exit_group), refuse);
}

TEST(AllowList, EndsWhoCallsByAnotherArchitecture) {
  const long calls[] = {SYS_read};
  EXPECT_EQ(ask(allow_only(calls), SYS_read, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
  if (x32_bit != 0) EXPECT_EQ(ask(allow_only(calls), SYS_read | x32_bit), refuse);
}

TEST(AllowList, LooksAtTheArgumentThatDecides) {
  const long calls[] = {SYS_read};
  const NarrowCall narrow[] = {{SYS_socket, 0, {AF_INET, AF_INET6}, NarrowCall::Rule::only_these},
                               {SYS_fcntl, 1, {F_SETOWN, F_SETSIG}, NarrowCall::Rule::all_but_these}};
  std::string program = allow_only(calls, narrow);
  EXPECT_EQ(ask(program, SYS_socket, {AF_INET}), allow);
  EXPECT_EQ(ask(program, SYS_socket, {AF_INET6}), allow);
  EXPECT_EQ(ask(program, SYS_socket, {AF_UNIX, AF_INET}), refuse);
  EXPECT_EQ(ask(program, SYS_fcntl, {3, F_GETFL}), allow);
  EXPECT_EQ(ask(program, SYS_fcntl, {3, F_SETOWN}), refuse);
  EXPECT_EQ(ask(program, SYS_fcntl, {3, F_SETSIG}), refuse);
  // The kernel takes an int there, and so must the filter.
  EXPECT_EQ(ask(program, SYS_fcntl, {3, uint64_t{1} << 32 | F_SETSIG}), refuse);
  EXPECT_EQ(ask(program, SYS_read, {AF_UNIX, F_SETOWN}), allow);
  EXPECT_EQ(ask(program, SYS_fsync), refuse);
}

}  // namespace
}  // namespace hv::isolation
