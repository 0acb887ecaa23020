// Everything a supervisor needs to build one process-tier sandbox, decided beforehand by the daemon: no file is read
// and no rule is evaluated after this. Plain data; shimwire/ carries it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/audit_rules.h"
#include "core/egress.h"

namespace hv::core {

// One entry of the sandbox's mount tree. `target` is absolute inside the sandbox; entries are made in order, so a later
// one can lie in an earlier one. Missing target directories and files are created on the root's tmpfs; below a
// read-only bind they must exist.
struct Mount {
  enum class Kind : uint8_t {
    bind,       // `source` of the host (a file or a directory), with what is mounted below it
    overlay,    // copy-on-write: lower = `source`, upper and work below the sandbox's state directory (`upper`)
    tmpfs,      // empty, `size` bytes at most (0: the kernel's default)
    file,       // a file with the bytes `content`
    symlink,    // a link whose text is `content`
    directory,  // an empty directory on the root's tmpfs, mode 0755
    cover,      // an empty file or directory, read-only, over what is at `target`; nothing where nothing is
  };
  Kind kind = Kind::bind;
  std::string source;
  std::string target;
  bool writable = false;
  bool executable = true;
  bool optional = false;  // a missing source is skipped instead of stopping the start
  std::string content;
  std::string upper;  // overlay: the directory that holds `upper/` and `work/`
  uint64_t size = 0;
  bool operator==(const Mount&) const = default;
};

struct IdRange {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// The layers that a start can leave out on purpose: for the probes' negative controls, and where the user accepts a
// loss. Never silently.
enum class Layer : uint32_t {
  seccomp = 1,
  landlock = 2,
  capabilities = 4,
  no_new_privs = 8,
  masked_proc = 16,
  network_namespace = 32,
  cgroup = 64,
  read_only_root = 128,
  pid_namespace = 256,
  ipc_namespace = 512,
  descriptor_hygiene = 1024,
};

// 0: none.
struct Limits {
  uint64_t memory_bytes = 0;
  uint64_t pids = 0;
  uint32_t cpu_millis = 0;   // thousandths of a processor: 1500 is one and a half
  uint64_t io_bytes = 0;     // a second, for reading and for writing each, on the disk of the state directory
  uint64_t open_files = 0;   // of each process
  uint64_t disk_bytes = 0;   // what it may add to its copy-on-write layers and its home
  uint64_t tmp_bytes = 0;    // of /tmp and of /dev/shm each
  uint64_t wall_millis = 0;  // from the start on, without the time it was paused
  uint64_t idle_millis = 0;  // without output, input and a new command
  bool operator==(const Limits&) const = default;
};

// setrlimit(2): one of RLIMIT_*, and RLIM_INFINITY for no limit.
struct Rlimit {
  uint32_t resource = 0;
  uint64_t soft = 0;
  uint64_t hard = 0;
  bool operator==(const Rlimit&) const = default;
};

struct Command {
  std::vector<std::string>
      arguments;  // argv, the program first: a path, or a name looked up in PATH of `environment` inside
  std::vector<std::string> environment;  // "K=V", exactly
  std::string directory;
  bool terminal = false;
  uint16_t rows = 0;
  uint16_t columns = 0;
  uint32_t umask = 022;
  std::vector<Rlimit> limits;  // the requester's own; one that cannot be set is left as it is
  bool operator==(const Command&) const = default;
};

// What can be laid before it is known what will run: namespaces, ids, and the part of the mount tree that starts share.
struct Groundwork {
  uint32_t uid = 0;  // the agent's ids inside
  uint32_t gid = 0;
  std::vector<IdRange> uid_map;  // empty: the caller's own id alone, mapped to `uid`
  std::vector<IdRange> gid_map;
  bool host_root = false;       // started by real root: state and workspace are id-mapped
  bool allow_nested = false;    // mount, unshare and clone with new namespaces are allowed to the agent
  uint32_t skipped_layers = 0;  // bits of Layer
  bool egress = false;          // names can be reached: the network namespace leads to the gateway
  uint64_t shared_memory = 0;   // bytes of /dev/shm; 0: the kernel's default
  std::vector<Mount> mounts;
  bool operator==(const Groundwork&) const = default;
};

struct LaunchSpec {
  std::string id;
  std::string name;
  std::string hostname;
  std::string state_directory;  // the sandbox's directory on the host
  Groundwork ground;
  std::vector<Mount> mounts;  // made after those of `ground`
  std::vector<std::string>
      cgroups;  // directories made for this sandbox, one per hierarchy; the supervisor removes them
  Limits limits;
  std::string seccomp_program;         // sock_filter array, built by isolation/seccomp
  std::vector<uint32_t> denied_calls;  // of those the policy's own, by number
  bool restrict_exec = false;          // only what `executable` names may be executed
  std::vector<std::string> executable;
  std::vector<uint16_t> host_ports;
  EgressPolicy egress;
  std::vector<std::string> proxy_environment;  // "https_proxy=...": how the host itself gets out
  std::string workspace;                       // path, same outside and inside; empty: none
  bool watch_workspace = false;                // copy-on-write: edits of the host are brought in
  bool keep_preimages = false;                 // live: what the agent overwrites is kept first
  Command command;                             // empty arguments: no main command, only exec
  bool keep_alive = false;                     // the sandbox goes on when its main command has ended
  std::string log_path;                        // what the main command writes is also kept here; empty: nowhere
  uint64_t ends_in_millis = 0;                 // from its launch, paused or not; 0: when its limits say
  std::string end_reason;                      // "the time that policy 'office' allows": what is over then
  std::vector<std::string> counted;            // directories that limits.disk_bytes is about
  AuditRules audit;                            // what of the record its policy leaves out
  bool operator==(const LaunchSpec&) const = default;
};

constexpr bool skips(const Groundwork& ground, Layer layer) {
  return (ground.skipped_layers & static_cast<uint32_t>(layer)) != 0;
}

}  // namespace hv::core
