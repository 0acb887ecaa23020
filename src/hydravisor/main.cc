// hydravisor, also called hv: the program that people use.
#include <fcntl.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include "cli/dispatch.h"

namespace {

// A socket must never become standard input because the caller had closed it.
void open_missing_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

}  // namespace

int main(int argc, char** argv) {
  open_missing_streams();
  // A reader that goes away is an error of write(2), so that the terminal is always put back.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    return hv::cli::dispatch(words, environ);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "hydravisor: internal error: %s\n", failure.what());
    return 125;
  }
}
