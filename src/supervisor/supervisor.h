// One sandbox's keeper: it launches, holds the listener, the terminals and the spool, serves front ends, and outlives
// the daemon. One thread, one event loop.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "base/json.h"
#include "core/launch.h"
#include "core/state.h"
#include "isolation/cgroup_meter.h"
#include "shimwire/channel.h"
#include "shimwire/protocol.h"
#include "shimwire/spool.h"
#include "supervisor/agent_watch.h"
#include "supervisor/discretion.h"
#include "supervisor/disk_watch.h"
#include "supervisor/host_sync.h"
#include "supervisor/job.h"
#include "supervisor/launch.h"
#include "supervisor/live_watch.h"
#include "supervisor/network.h"
#include "supervisor/time_limits.h"
#include "supervisor/upper_watch.h"

namespace hv::supervisor {

// The words of other modules that every file of this class speaks in; no other program includes this header.
using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::Outcome;
using shimwire::FromInit;
using shimwire::FromSupervisor;
using shimwire::SpoolFamily;
using shimwire::ToInit;
using shimwire::ToSupervisor;

// The job number of the sandbox's main command.
inline constexpr uint64_t kMainJob = 1;

// Whether a limit ended it, and what a front end is told of a limit that did or that was met.
bool was_ended(Outcome::Kind kind);
std::string limit_problem(const core::LaunchSpec& spec, const Outcome& outcome);

class Supervisor {
 public:
  // Prepares when `daemon`, the connection to the daemon that started this program, asks for it, launches what it asks
  // for then, and serves until nothing runs inside any more. The result is what the process exits with.
  static int serve(base::Fd daemon);

 private:
  Supervisor(base::EventLoop loop, core::LaunchSpec spec) : loop_(std::move(loop)), spec_(std::move(spec)) {}

  base::Status take_state();
  base::Status open_state();
  base::Status launch_sandbox(std::optional<base::Result<Launch>> prepared, base::Fd user_namespace);
  base::Status start_network();
  base::Status start_main_job(base::Fd client, std::string buffered);
  base::Status serve_events();

  void add_daemon(base::Fd connection);
  void on_daemon(int fd);
  void handle(int daemon, shimwire::Packet packet);
  void tell_daemons(shimwire::FromSupervisor type, const std::string& body);
  void accept_daemon();

  Job& make_job(uint64_t number, const core::Command& command);
  base::Status start_job(Job& job, const core::Command& command, base::Fd log);
  void on_init();
  base::Status watch_agent(base::Fd listener);
  void abandon(const base::Error& error);
  void on_job_started(shimwire::Packet packet);
  void on_job_exited(const shimwire::JobExited& exited);
  void on_client_gone(uint64_t job, bool detached);
  void signal_job(uint64_t job, int number, bool group);
  void begin_stop(std::chrono::milliseconds grace, core::Outcome outcome);

  base::Status open_limits();
  void begin_limits();
  core::Command limited(core::Command command) const;
  void note_activity();
  void look_at_time();
  void warn_of_time(const TimeLimits::Due& due);
  void end_for_time(const TimeLimits::Due& due);
  void on_disk_over();
  void set_paused(bool paused);
  void extend(std::chrono::milliseconds more);
  core::Outcome explained(core::Outcome outcome) const;

  void record(shimwire::SpoolFamily family, const std::string& payload);
  void note(std::string_view kind, base::json::Object payload);
  base::Status open_host_sync();
  void open_upper_watch();
  base::Status import_file(const std::string& request, const std::vector<int>& fds, bool is_own);
  void before_write(const monitor::WriteIntent& intent, const workspace::LinkReader& links);
  void announce_records();
  void set_watching(int daemon, const shimwire::WatchNotice& notice);
  void tell_launched();
  bool workspace_changed() const;
  // What the front end of the main command is told, when it ended by itself.
  struct MainEnd {
    int status = 0;
    std::string problem;
  };
  // What may still run inside beside init.
  enum class Left { none, processes };
  void end_init();
  void finish(core::Outcome outcome, Left left = Left::processes, std::optional<MainEnd> main_end = std::nullopt);
  shimwire::Launched status() const;
  void fail_launch(const base::Error& error, base::Fd client);

  base::EventLoop loop_;
  core::LaunchSpec spec_;
  Discretion discretion_;
  base::Fd state_directory_;
  base::Fd lock_;
  base::Fd control_listener_;
  base::Fd log_;
  std::vector<base::Fd> uppers_;  // what the sandbox changed in its workspace lies here
  std::optional<shimwire::SpoolWriter> spool_;
  LaunchedInit init_;
  std::optional<GatewayProcess> gateway_;  // until network_ has it
  std::unique_ptr<Network> network_;
  std::optional<LiveWatch> live_;
  bool told_not_kept_ = false;
  std::unique_ptr<HostSync> host_sync_;
  std::unique_ptr<UpperWatch> upper_watch_;
  std::deque<bool> imports_;                    // what init was asked to bring in, in order: whether host_sync_ asked
  std::optional<monitor::ExitFollower> exits_;  // until watch_ has it
  std::optional<AgentWatch> watch_;
  std::string stalled_;  // why nothing inside goes on; empty: it does
  std::map<int, base::Fd> daemons_;
  std::set<int> watchers_;  // those of them that look at the spool by themselves
  std::map<uint64_t, std::unique_ptr<Job>> jobs_;
  std::vector<std::string> enforced_;
  std::vector<std::string> degraded_;
  bool foreground_ = false;  // the front end that asked for the run is still looking
  bool announced_ = false;
  bool told_launched_ = false;
  bool finished_ = false;
  std::optional<core::Outcome> stopping_;
  isolation::CgroupMeter meter_;
  std::optional<DiskWatch> disk_;
  std::optional<TimeLimits> times_;
  base::EventLoop::TimerId time_timer_ = 0;
  bool times_paused_ = false;
  bool disk_over_while_paused_ = false;
};

}  // namespace hv::supervisor
