#include "isolation/capabilities.h"

#include <cerrno>

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"

namespace hv::isolation {
namespace {

using base::Error;
using base::Failure;

struct Sets {
  __user_cap_data_struct low{};
  __user_cap_data_struct high{};
};

base::Result<Sets> read_sets() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Sets sets;
  if (::syscall(SYS_capget, &header, &sets) != 0) return Failure(Error::from_errno(errno, "read capabilities"));
  return sets;
}

bool holds(const Sets& sets, int capability) {
  uint32_t word = capability < 32 ? sets.low.effective : sets.high.effective;
  return (word & (1U << (capability % 32))) != 0;
}

// With these, id 0 is an id like any other, set-user-id changes raise nothing, and the ambient set stays empty; the
// locks make it last.
constexpr unsigned long strict_bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

}  // namespace

base::Status set_no_new_privs() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failure(Error::from_errno(errno, "set no_new_privs"));
  return {};
}

base::Status take_ids(uid_t uid, gid_t gid, bool drop_groups) {
  auto fail = [](std::string_view operation) { return Failure(Error::from_errno(errno, operation)); };
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0)
    return fail("keep capabilities across the change of ids");
  if (drop_groups && ::setgroups(0, nullptr) != 0) return fail("drop supplementary groups");
  if (::setresgid(gid, gid, gid) != 0) return fail("change group id");
  if (::setresuid(uid, uid, uid) != 0) return fail("change user id");
  return {};
}

base::Status keep_capabilities_across_exec() {
  Sets sets = HV_TRY(read_sets());
  for (auto* set : {&sets.low, &sets.high}) set->effective = set->inheritable = set->permitted;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  if (::syscall(SYS_capset, &header, &sets) != 0) return Failure(Error::from_errno(errno, "keep capabilities"));
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  return {};
}

base::Status drop_all_capabilities(uint32_t kept) {
  Sets sets = HV_TRY(read_sets());
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Failure(Error::from_errno(errno, "clear the ambient capabilities"));
  if (holds(sets, CAP_SETPCAP)) {
    // The kernel names its highest capability by refusing the next one.
    for (int capability = 0;; ++capability) {
      int present = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
      if (present < 0) break;
      if (present > 0 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
        return Failure(Error::from_errno(errno, "drop from the bounding set: capability", std::to_string(capability)));
    }
    if (::prctl(PR_SET_SECUREBITS, strict_bits, 0, 0, 0) != 0)
      return Failure(Error::from_errno(errno, "lock the secure bits"));
  } else if (sets.low.permitted != 0 || sets.high.permitted != 0) {
    return Failure(base::internal_error("drop capabilities: CAP_SETPCAP is gone but others are left"));
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Sets left;
  left.low.permitted = left.low.effective = kept;
  if (::syscall(SYS_capset, &header, &left) != 0) return Failure(Error::from_errno(errno, "drop capabilities"));
  return {};
}

base::Status verify_no_capabilities() {
  Sets sets = HV_TRY(read_sets());
  auto left = [](const char* set) {
    return Failure(base::internal_error(base::format("capabilities are left in the {} set", set)));
  };
  if ((sets.low.effective | sets.high.effective) != 0) return left("effective");
  if ((sets.low.permitted | sets.high.permitted) != 0) return left("permitted");
  if ((sets.low.inheritable | sets.high.inheritable) != 0) return left("inheritable");
  for (int capability = 0;; ++capability) {
    int present = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (present < 0) break;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) > 0) return left("ambient");
    // What stays in the bounding set can come back only through a set-user-id program, which no_new_privs excludes.
    if (present > 0 && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return left("bounding");
  }
  return {};
}

}  // namespace hv::isolation
