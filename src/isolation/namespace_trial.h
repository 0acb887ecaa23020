// Whether this process can make the namespaces that a sandbox needs, tried in a child; and which switch of the machine
// forbids it, with the command that sets it.
#pragma once

#include <string>

#include <sys/types.h>

namespace hv::isolation {

// How far a child came that made the namespaces of a sandbox and mounted in them. errno values; 0: it worked.
struct NamespaceTrial {
  int user_namespace = 0;  // making it, and the others with it
  int id_map = 0;          // writing its map
  int mounts = 0;          // changing the mount tree
  int fresh_proc = 0;      // a /proc of the new PID namespace
  int overlay = 0;         // overlayfs with userxattr
  int memory = 0;          // reading the child's memory from outside, as a supervisor reads what is executed
};
// Takes about a millisecond. The child makes system calls only, so a process with threads may call it.
NamespaceTrial try_namespaces(uid_t uid, gid_t gid);

// Which switch forbids user namespaces, and the command that sets it. Pure over the files below `proc`.
struct Obstacle {
  std::string what;  // empty: nothing is in the way
  std::string fix;
};
Obstacle explain_namespaces(const NamespaceTrial& trial, const std::string& proc,
                            const std::string& apparmor_profile = {});

// The same of reading memory.
Obstacle explain_memory(const NamespaceTrial& trial, const std::string& proc);

}  // namespace hv::isolation
