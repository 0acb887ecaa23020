// What daemon, supervisor and init say to each other. A Packet's `type` is one of these enums; its body is the struct
// of the same name, encoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/launch.h"
#include "core/state.h"
#include "shimwire/codec.h"

namespace hv::shimwire {

// Daemon to supervisor. `launch` comes first, on the socket inherited as descriptor 3; a daemon that adopts a running
// supervisor connects to control.sock in the sandbox's directory and starts with `hello`.
enum class ToSupervisor : uint8_t {
  launch =
      1,  // LaunchRequest; descriptors: the client's connection, the user namespace to live in, as far as it names them
  hello,  // empty; answered by `status`
  exec,   // ExecRequest; descriptor: client connection
  attach,       // AttachRequest; descriptor: client connection
  signal,       // SignalRequest: to the main command
  stop,         // StopRequest
  import_file,  // ImportRequest; descriptor: the host's file, to be shown in the workspace inside
  egress,       // core::EgressPolicy: holds from now on
  prepare,      // PrepareRequest, before `launch` or never; descriptor: the user namespace to live in, if any
  paused,       // PausedNotice: the daemon froze it, or is about to; its time stands still
  extend,       // ExtendRequest
  isolate,      // empty: nothing leaves it any more, until it is started again
  throttle,     // ThrottleRequest: holds from now on
  watch,        // WatchNotice: whether the daemon looks at the spool by itself
};

// Supervisor to daemon.
enum class FromSupervisor : uint8_t {
  launched = 1,   // Launched
  launch_failed,  // Problem
  status,         // Launched again, for `hello`
  spooled,        // Spooled: records wait in the spool; a hint, sent at most every few milliseconds, and to no daemon
                  // that looks by itself
  job_ended,      // JobEnded
  ended,          // Ended: nothing runs inside any more; the supervisor exits after this
  stalled,        // Stalled: nothing inside goes on, because the spool cannot be written; or it can again
};

// Supervisor to init.
enum class ToInit : uint8_t {
  ground = 1,   // InitGround, first; descriptors: the opened sources of its mounts, when started by real root
  start,        // StartJob; descriptors: stdin, stdout, stderr, unless the job has a terminal
  signal,       // SignalJob
  import_file,  // ImportRequest with the descriptor, unless it is a link; answered by `imported`
  setup,        // InitSetup, second; descriptors: the files of its cgroups, then the opened sources as for `ground`
};

// Init to supervisor.
enum class FromInit : uint8_t {
  ready = 1,  // InitReady; descriptor: the seccomp listener, when there is one
  started,    // JobStarted; descriptor: the terminal's master side, when the job has one
  exited,     // JobExited
  imported,   // Problem
  failed,     // Problem: the set-up failed and init is about to exit
  listeners,  // InitListeners; descriptors: the gateway's sockets, before `ready`
};

// Supervisor to gateway and back. What the gateway is about to do on the agent's behalf it asks first; the answer means
// that it is recorded.
enum class Gateway : uint8_t {
  connecting = 1,  // HostPortEvent, before a host port is dialled; answered by `proceed`
  proceed,         // u64: the connection's number
  closed,          // HostPortEvent
  hello,           // empty: the gateway, or the one that took a dead one's place, waits for its `setup`
  setup,           // GatewaySetup; descriptor: the log of synthetic addresses
  attempt,         // u64 and core::NetworkEvent, before effect; answered by `recorded`
  recorded,        // u64: the attempt's number
  told,            // core::NetworkEvent: what has ended, was refused, or had no effect outside
  policy,          // core::EgressPolicy: holds from now on
  failed,          // Problem: it cannot serve and ends
  opened,          // u64: the connection's number, and core::Flow: what is said of it later is of its process
  done,            // empty: nothing runs inside any more, and everything is told
  sockets,         // InitListeners; descriptors: the sandbox's sockets. The first of all
  heard,           // u64: answered by `recorded` when all that was said before has been read
  rate,            // u64: bytes a second that may pass, in and out together, from now on; 0: as many as come
};

struct Problem {
  base::ErrorCode code = base::ErrorCode::internal;
  std::string message;  // empty: no problem
  std::string hint;
  int32_t exit_code = 125;
};

// Raised with every change of what daemon and supervisor say to each other: a supervisor outlives its daemon, and the
// next one may be of another version.
inline constexpr uint32_t kProtocol = 5;
// What a LaunchRequest or a Launched of any version begins with; 0 when it is too short.
uint32_t protocol_of(std::string_view body);

struct Launched {
  uint32_t protocol = kProtocol;
  int32_t init_pid = 0;
  int32_t supervisor_pid = 0;
  std::vector<std::string> enforced;  // "memory: 2 GiB (cgroup v1)"
  std::vector<std::string> degraded;  // what was asked for and is not enforced here, one sentence each
  std::vector<std::string> cgroups;
  bool running = true;
  uint64_t last_sequence = 0;  // of the spool
};

struct LaunchRequest {
  uint32_t protocol = kProtocol;
  bool has_client = false;
  bool has_user_namespace = false;
  std::string buffered;  // what the client sent after its request
  std::string spec;      // LaunchSpec
};
// Sent to a spare supervisor: what the next launch will probably need. The launch that follows has the same groundwork.
struct PrepareRequest {
  bool has_user_namespace = false;
  core::Groundwork ground;
};
struct ExecRequest {
  uint64_t job = 0;  // chosen by the daemon, above 1: the main command is job 1
  core::Command command;
  std::string buffered;
};
struct AttachRequest {
  std::string buffered;
  uint16_t rows = 0;
  uint16_t columns = 0;
};
struct SignalRequest {
  int32_t number = 0;
};
struct StopRequest {
  uint32_t grace_milliseconds = 0;
  std::string by_rule = {};  // what of the policy ends it; empty: it was asked for
};
struct PausedNotice {
  bool paused = false;
};
struct ExtendRequest {
  uint64_t milliseconds = 0;
};
struct ThrottleRequest {
  uint64_t bytes_per_second = 0;  // of its network, in and out together; 0: as many as come
};
struct WatchNotice {
  bool by_clock = false;  // it looks every few milliseconds
  uint64_t read = 0;      // with false: the last record that it has seen; what stands behind it is announced
};
struct Spooled {
  uint64_t last_sequence = 0;
};
struct Stalled {
  std::string reason;  // empty: it goes on
};
struct JobEnded {
  uint64_t job = 0;
  int32_t status = 0;      // as the shell sees it
  int32_t exec_errno = 0;  // the command could not be executed: why
  std::string program;
};
struct Ended {
  core::Outcome outcome;
  bool workspace_changed = false;
  uint64_t last_sequence = 0;
  bool client_attached = false;  // somebody was told the exit status on a stream
};
struct ImportRequest {
  std::string path;  // absolute, below the workspace
  uint32_t mode = 0;
  std::string link = {};  // a symlink with this text is made, and no descriptor comes along
};

struct InitGround {
  core::Groundwork ground;
  std::string sources;  // isolation::SourceParcel::shape; empty: init opens them itself
};
struct InitSetup {
  std::string hostname;
  uint32_t cgroup_files = 0;  // how many of the descriptors
  std::vector<uint16_t> host_ports;
  std::vector<core::Mount> mounts;
  std::string sources;  // as in InitGround
  std::string seccomp_program;
  bool restrict_exec = false;  // as in LaunchSpec
  std::vector<std::string> executable;
};
struct InitListeners {
  std::string uses;   // what each descriptor is for, one letter each: isolation::GatewaySocket
  bool more = false;  // another message of this kind follows
};
struct InitReady {
  std::vector<std::string> enforced;
  std::vector<std::string> degraded;
};
struct StartJob {
  uint64_t job = 0;
  core::Command command;
};
struct JobStarted {
  uint64_t job = 0;
  int32_t pid = 0;  // as seen inside
};
struct JobExited {
  uint64_t job = 0;
  int32_t wait_status = 0;  // wait(2)
  int32_t exec_errno = 0;
  std::string failed_step;  // "execute", "change directory", ...; empty unless exec_errno
  bool alone = false;       // nothing runs inside any more but init
};
struct SignalJob {
  uint64_t job = 0;
  int32_t number = 0;
  bool group = false;  // to its foreground process group, as a terminal would
};
// In `opened`, the connections to host ports, which are counted apart, have this bit in their numbers.
inline constexpr uint64_t kHostPortConnection = uint64_t{1} << 63;
struct HostPortEvent {
  uint64_t connection = 0;
  uint16_t port = 0;
  uint64_t bytes_in = 0;  // into the sandbox
  uint64_t bytes_out = 0;
  int32_t error_number = 0;  // why the dial failed
  int32_t pid = 0;           // of the program inside, as the host sees it; 0: not known
  std::string program;
};
struct GatewaySetup {
  std::string sandbox_id;
  std::string sandbox_name;
  std::string policy;                          // core::EgressPolicy, encoded; empty: host ports alone
  std::vector<std::string> proxy_environment;  // "https_proxy=...": how the host itself gets out
  uint64_t last_connection = 0;                // numbers go on from here
  uint64_t bytes_per_second = 0;               // as in ThrottleRequest
};

// encode() and decode<T>() for each of the structs above.
std::string encode(const Problem&);
std::string encode(const Launched&);
std::string encode(const LaunchRequest&);
std::string encode(const PrepareRequest&);
std::string encode(const ExecRequest&);
std::string encode(const AttachRequest&);
std::string encode(const SignalRequest&);
std::string encode(const StopRequest&);
std::string encode(const PausedNotice&);
std::string encode(const ExtendRequest&);
std::string encode(const ThrottleRequest&);
std::string encode(const WatchNotice&);
std::string encode(const Spooled&);
std::string encode(const Stalled&);
std::string encode(const JobEnded&);
std::string encode(const Ended&);
std::string encode(const ImportRequest&);
std::string encode(const InitGround&);
std::string encode(const InitSetup&);
std::string encode(const InitListeners&);
std::string encode(const InitReady&);
std::string encode(const StartJob&);
std::string encode(const JobStarted&);
std::string encode(const JobExited&);
std::string encode(const SignalJob&);
std::string encode(const HostPortEvent&);
std::string encode(const GatewaySetup&);
template <typename T>
base::Result<T> decode(std::string_view data);

Problem to_problem(const base::Error& error, int exit_code = 125);
base::Error to_error(const Problem& problem);

}  // namespace hv::shimwire
