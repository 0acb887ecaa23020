// A terminal in raw mode, put back on every way out: the end of the scope, a fatal signal, a stop by job control.
#pragma once

#include <termios.h>

#include "base/result.h"

namespace hv::terminal {

class RawMode {
 public:
  // Puts the terminal into raw mode. One RawMode may be alive at a time: the handlers of fatal signals know only that
  // one.
  static base::Result<RawMode> enter(int fd);
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();

  // Puts the old settings back early. `discard_input` drops what was typed ahead, and with it answers of the terminal
  // that came too late for the program that asked and would otherwise be read by the user's shell.
  void restore(bool discard_input = false);
  // Raw again after restore(): after SIGCONT.
  void resume();

 private:
  RawMode(int fd, const termios& saved) : fd_(fd), saved_(saved) {}
  int fd_;
  bool raw_ = true;
  termios saved_;
};

}  // namespace hv::terminal
