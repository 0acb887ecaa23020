// Typing on the terminal's behalf: what is pushed into a terminal's input is run by the shell that reads there next.
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "probe/probe.h"

namespace hv::probe {
namespace {

// A terminal of our own, controlling: the one on which TIOCSTI is allowed longest.
int open_terminal() {
  int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return -1;
  ::setsid();
  return ::open(::ptsname(master), O_RDWR | O_CLOEXEC);
}

Attempt request(unsigned long number, const char* name) {
  int terminal = open_terminal();
  if (terminal < 0) return not_applicable("no terminal can be opened");
  char byte = 'x';
  int result = ::ioctl(terminal, number, &byte);
  int error = errno;
  if (result < 0 && error == EPERM) return held(describe(name, result, error));
  return got_through(describe(name, result, error) + ": the kernel was reached");
}

Attempt push_input(const Outside&) {
  return request(TIOCSTI, "TIOCSTI");
}
Attempt paste_selection(const Outside&) {
  return request(TIOCLINUX, "TIOCLINUX");
}
// The kernel looks at the low half of the number only; a filter that looks at all of it would be passed by.
Attempt push_input_disguised(const Outside&) {
  return request(0xdead000000000000UL | TIOCSTI, "TIOCSTI");
}

// Line disciplines are modules that the kernel loads when one is asked for. What is asked for here is the ordinary one.
Attempt set_discipline(const Outside&) {
  int terminal = open_terminal();
  if (terminal < 0) return not_applicable("no terminal can be opened");
  int ordinary = 0;
  int result = ::ioctl(terminal, TIOCSETD, &ordinary);
  return judge("TIOCSETD", result, errno);
}

const Probe table[] = {
    {"tiocsti", "terminal", "typing on the terminal's behalf", layers(core::Layer::seccomp), "ioctl", push_input},
    {"tiocsti-high-bits", "terminal", "the same with bits above the 32 that count", layers(core::Layer::seccomp),
     "ioctl", push_input_disguised},
    {"tiocsetd", "terminal", "loading a line discipline", layers(core::Layer::seccomp), "ioctl", set_discipline},
    {"tioclinux", "terminal", "pasting on a console", layers(core::Layer::seccomp), "ioctl", paste_selection},
};

}  // namespace

std::span<const Probe> terminal_probes() {
  return table;
}

}  // namespace hv::probe
