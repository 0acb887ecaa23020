#include "terminal/raw_mode.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

namespace hv::terminal {

namespace {

// What a handler of a fatal signal needs. Written before `armed` is set, so that a handler never sees a half.
struct Rescue {
  std::atomic<bool> armed = false;
  int fd = -1;
  termios settings{};
};
Rescue rescue;

// Only signals that nobody can handle otherwise: the program's own loop takes SIGTERM, SIGHUP and SIGINT and leaves by
// the normal way.
constexpr std::array kFatal{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

void restore_and_die(int number) {
  if (rescue.armed.exchange(false)) ::tcsetattr(rescue.fd, TCSANOW, &rescue.settings);
  // SA_RESETHAND has put the default back; the signal strikes when this handler returns.
  ::raise(number);
}

void apply(int fd, int when, const termios& settings) {
  while (::tcsetattr(fd, when, &settings) != 0 && errno == EINTR) {
  }
}

termios raw_form_of(termios settings) {
  ::cfmakeraw(&settings);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  return settings;
}

}  // namespace

base::Result<RawMode> RawMode::enter(int fd) {
  termios saved{};
  if (::tcgetattr(fd, &saved) != 0)
    return base::Failure(base::Error::from_errno(errno, "read the terminal's settings"));
  rescue.fd = fd;
  rescue.settings = saved;
  rescue.armed = true;
  struct sigaction action{};
  action.sa_handler = restore_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (int number : kFatal) ::sigaction(number, &action, nullptr);
  apply(fd, TCSADRAIN, raw_form_of(saved));
  return RawMode(fd, saved);
}

RawMode::RawMode(RawMode&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), raw_(std::exchange(other.raw_, false)), saved_(other.saved_) {}

RawMode::~RawMode() {
  restore();
}

void RawMode::restore(bool discard_input) {
  if (!raw_) return;
  raw_ = false;
  rescue.armed = false;
  apply(fd_, discard_input ? TCSAFLUSH : TCSADRAIN, saved_);
}

void RawMode::resume() {
  if (raw_ || fd_ < 0) return;
  rescue.armed = true;
  apply(fd_, TCSADRAIN, raw_form_of(saved_));
  raw_ = true;
}

}  // namespace hv::terminal
