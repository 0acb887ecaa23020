#include "terminal/window.h"

#include <sys/ioctl.h>
#include <termios.h>

namespace hv::terminal {

bool is_terminal(int fd) {
  termios settings{};
  return ::tcgetattr(fd, &settings) == 0;
}

WindowSize window_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

}  // namespace hv::terminal
