// Giving up every capability for good. By system calls, single-threaded: usable in a static program before exec.
// capabilities(7).
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace hv::isolation {

// prctl(2) PR_SET_NO_NEW_PRIVS: set-user-id programs and file capabilities give nothing from here on.
base::Status set_no_new_privs();

// The ids of the calling process from now on, real, effective and saved; its capabilities survive the change.
base::Status take_ids(uid_t uid, gid_t gid, bool drop_groups);

// What is permitted now stays effective in every program that is executed from here on: for a program that builds a
// sandbox and then drops everything itself, and for the negative control of doing so.
base::Status keep_capabilities_across_exec();

// Empties the ambient, bounding, inheritable, permitted and effective sets, and locks the secure bits so that being or
// becoming id 0 gives nothing back. Needs CAP_SETPCAP in its user namespace for the bounding set and the bits; without
// it those two steps are skipped when the permitted set is already empty, and fail otherwise. The last call before exec
// that needs privilege. `kept`, bits of capabilities 0 to 31, stay effective for this program alone.
base::Status drop_all_capabilities(uint32_t kept = 0);

// internal, naming the set that still holds one, unless this thread has no capability in any set that exec could use.
base::Status verify_no_capabilities();

}  // namespace hv::isolation
