// A socket that a service manager opened before the daemon was started, and holds open after it has ended: the protocol
// of sd_listen_fds(3), which is two variables and the number 3.
#pragma once

#include <string>

#include "base/fd.h"

namespace hv::daemon {

// Empty when this process was given none. Otherwise it listens at `path`, where commands look for the daemon, and in
// this process's name; another kind of socket is invalid_argument, since nobody would find it. The variables go, so
// that no child takes them for its own. Called once, before there are threads.
base::Result<base::Fd> take_activated_socket(const std::string& path);

// For the program that this process is about to become: as it was given to us.
base::Status hand_on(const base::Fd& socket);

}  // namespace hv::daemon
