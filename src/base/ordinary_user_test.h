// For tests of what an ordinary user may do, when the tests themselves run as root: a claim is checked in a child that
// has become one.
#pragma once

#include <cstdlib>

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace hv::base {

// Root becomes the tests' own user (tools/prepare-test-machine makes it), for good; anybody else stays who they are.
inline void become_ordinary_user() {
  if (::geteuid() != 0) return;
  const passwd* user = ::getpwnam("hvtest");
  if (user == nullptr || ::setgroups(0, nullptr) != 0 || ::setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
      ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
    ::_exit(77);
  // The change of ids took the process's own /proc files away from it.
  ::prctl(PR_SET_DUMPABLE, 1);
}

// Runs `claim` in a child that is an ordinary user, and ends the child with 0 when it holds. For EXPECT_EXIT.
template <typename Claim>
[[noreturn]] void exit_as_ordinary_user(const Claim& claim) {
  become_ordinary_user();
  ::_exit(claim() ? 0 : 1);
}

}  // namespace hv::base
