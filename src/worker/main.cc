// hydravisor-worker: one request on standard input, one answer on standard output, then gone. It is shut in before it
// looks at anything that an agent could have written.
#include <cstdio>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "worker/operations.h"
#include "workspace/request.h"

int main(int argc, char**) {
  using namespace hv;
  if (argc > 1) {
    std::fputs("hydravisor-worker: started by hydravisord; reads a request on standard input (docs/workspace.md)\n",
               stderr);
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A daemon that died before this line takes nobody along, and the next one may have looked at the workspace already.
  pollfd reader{STDOUT_FILENO, 0, 0};
  if (::poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR) != 0) return 1;
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  auto answer = [&]() -> base::Result<base::json::Value> {
    std::string text = HV_TRY(base::read_all(STDIN_FILENO));
    workspace::Request request = HV_TRY(workspace::parse_request(text));
    return worker::perform(request);
  }();
  std::string text = workspace::answer_text(answer);
  text += '\n';
  if (!base::write_all(STDOUT_FILENO, text)) return 1;
  return answer ? 0 : 1;
}
