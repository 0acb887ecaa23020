// System calls that glibc 2.36 does not wrap. Thin: -1 and errno as the kernel gives them.
#pragma once

#include <cstdint>

#include <linux/sched.h>

namespace hv::isolation {

int clone3(clone_args& arguments);
int pivot_root(const char* new_root, const char* put_old);
// mount_setattr(2) with its struct spelled out; `user_namespace` goes with MOUNT_ATTR_IDMAP.
int set_mount_attributes(int directory, const char* path, unsigned flags, uint64_t set, uint64_t propagation = 0,
                         int user_namespace = -1);

}  // namespace hv::isolation
