// Finding the daemon, and starting it when it is not there: as tmux does for its server. Ten front ends that start at
// once agree through a lock file beside the socket; one spawns, the others wait for it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace hv::client {

struct Access {
  std::string socket;                    // .../hydravisord.sock; its directory is made when needed
  std::string program;                   // hydravisord; empty: never start one
  std::vector<std::string> environment;  // "K=V" for a daemon that is started; see daemon_environment()
  std::string token = {};                // shown with each request; empty: whoever this process belongs to
  std::chrono::milliseconds start_timeout{30'000};
  // How long a daemon may be silent before it is asked for a sign of life, and how long that may take. Long operations
  // are none of its business: a daemon that works on one answers other questions.
  std::chrono::milliseconds silence{5'000};
  std::chrono::milliseconds sign_of_life{10'000};
};

// What of the caller's environment a daemon is started with: where its files are and how to reach the user's systemd.
// Nothing else, since every request brings its own environment.
std::vector<std::string> daemon_environment(const std::vector<std::string>& environment);

// The path of `name` beside this program. What lies in bin/ of an installation are links to the directory that holds
// them all. not_found naming the place.
base::Result<std::string> find_program(std::string_view name);

// A connected socket whose listener belongs to the caller or to root. unavailable when there is no daemon (hint: how to
// start one), or it ended while starting (with the last lines it wrote); denied when the socket is another user's.
base::Result<base::Fd> connect_daemon(const Access& access);

// Whether what listens on the socket still answers the shortest of questions. timeout, naming the process, when not.
base::Status check_alive(const Access& access);

// While it is held no front end starts a daemon, and none is just starting: a front end that was killed leaves its lock
// to the daemon that it started. nullopt when there has never been a daemon.
base::Result<std::optional<base::Fd>> hold_off_starts(const Access& access);

// Whether a daemon's process still lives: it outlives its socket by the time it takes to seal its ledger.
bool daemon_lives(const Access& access);

// After POST /v1/reexec: waits until the socket answers again.
base::Result<base::Fd> reconnect_daemon(const Access& access);

}  // namespace hv::client
