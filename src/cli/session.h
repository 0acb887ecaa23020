// One command of a sandbox at this terminal, or at these three streams: bytes both ways, window size, signals, detach
// keys, the status back.
#pragma once

#include <string>

#include "base/result.h"
#include "client/stream.h"
#include "terminal/detach_keys.h"

namespace hv::cli {

struct SessionEnd {
  int status = 0;         // the command's own, as a shell has it
  bool detached = false;  // left by the detach keys; the command goes on
  bool changed = false;   // the workspace has changes that are not applied
};

struct SessionOptions {
  bool terminal = false;  // the command has a terminal: standard input is put into raw mode
  terminal::DetachKeys detach_keys;
};

// Blocks until the command has ended, the user has detached, or the connection broke (unavailable). The terminal is as
// it was on every return. Signals are blocked from here on and forwarded to the command; asked a second and a third
// time, it is told to terminate and then killed.
base::Result<SessionEnd> run_session(client::Stream stream, SessionOptions options);

}  // namespace hv::cli
