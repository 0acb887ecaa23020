#include "isolation/syscalls.h"

#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hv::isolation {

int clone3(clone_args& arguments) {
  return static_cast<int>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

int set_mount_attributes(int directory, const char* path, unsigned flags, uint64_t set, uint64_t propagation,
                         int user_namespace) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.propagation = propagation;
  if (user_namespace >= 0) attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  return ::mount_setattr(directory, path, flags, &attributes, sizeof attributes);
}

}  // namespace hv::isolation
