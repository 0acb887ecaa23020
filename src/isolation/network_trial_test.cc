#include "isolation/network_trial.h"

#include <cerrno>
#include <cstddef>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolation/in_child.h"
#include "isolation/namespace_trial.h"

namespace hv::isolation {
namespace {

// From now on this process and its children live on a kernel without netlink's netfilter family, as far as they can
// see.
bool hide_netfilter() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{std::size(program), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(PacketRules, AreTriedWhereTheyWorkAndLeaveNoDescriptor) {
  if (try_namespaces(::geteuid(), ::getegid()).user_namespace != 0) GTEST_SKIP() << "this machine forbids namespaces";
  int before = ::dup(0);
  ::close(before);
  base::Status tried = try_packet_rules();
  EXPECT_TRUE(tried) << tried.error().text();
  int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(after, before);
}

TEST(PacketRules, ThatTheKernelDoesNotHaveComeWithTheCommandThatLoadsThem) {
  if (try_namespaces(::geteuid(), ::getegid()).user_namespace != 0) GTEST_SKIP() << "this machine forbids namespaces";
  int code = in_child([] {
    if (!hide_netfilter()) return 2;
    base::Status tried = try_packet_rules();
    if (tried) return 3;
    return tried.error().hint().find("modprobe -a nf_tables") == std::string::npos ? 4 : 0;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace hv::isolation
