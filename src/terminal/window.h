// What the kernel knows of a terminal: whether a descriptor is one, and how large it is. ioctl_tty(2).
#pragma once

#include <cstdint>

namespace hv::terminal {

struct WindowSize {
  uint16_t rows = 24;
  uint16_t columns = 80;
  bool operator==(const WindowSize&) const = default;
};

bool is_terminal(int fd);
// 24 x 80 where the descriptor is no terminal or does not know its size.
WindowSize window_size(int fd);

}  // namespace hv::terminal
