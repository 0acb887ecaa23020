#include "workspace/git_command.h"

#include <unistd.h>

#include "base/text.h"

namespace hv::workspace {

using base::Failure;
using base::Result;
using base::Status;

static constexpr const char* git_program = "/usr/bin/git";
static constexpr const char* setpriv_program = "/usr/bin/setpriv";

bool have_git() {
  return ::access(git_program, X_OK) == 0;
}

base::CommandSpec git_spec(const GitCommand& command) {
  base::CommandSpec spec;
  spec.program = git_program;
  if (command.uid != 0 && ::geteuid() == 0) {
    spec.program = setpriv_program;
    spec.arguments = {"--reuid=" + std::to_string(command.uid), "--regid=" + std::to_string(command.gid),
                      "--clear-groups", git_program};
  }
  for (const char* setting : {"core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false",
                              "protocol.allow=never", "core.fsync=all", "core.pager=cat"}) {
    spec.arguments.emplace_back("-c");
    spec.arguments.emplace_back(setting);
  }
  spec.arguments.insert(spec.arguments.end(), command.arguments.begin(), command.arguments.end());
  spec.environment = {"PATH=/usr/bin:/bin",
                      "HOME=/nonexistent",
                      "LC_ALL=C",
                      "GIT_CONFIG_NOSYSTEM=1",
                      "GIT_CONFIG_GLOBAL=/dev/null",
                      "GIT_TERMINAL_PROMPT=0",
                      "GIT_NO_REPLACE_OBJECTS=1",
                      "GIT_NO_LAZY_FETCH=1",
                      "GIT_COMMITTER_NAME=Hydravisor",
                      "GIT_COMMITTER_EMAIL=hydravisor@localhost",
                      "GIT_DIR=" + command.git_dir};
  if (!command.work_tree.empty()) spec.environment.push_back("GIT_WORK_TREE=" + command.work_tree);
  spec.working_directory = command.work_tree.empty() ? "/" : command.work_tree;
  return spec;
}

static base::Error failure(const GitCommand& command, const base::ExitStatus& status, const std::string& words) {
  std::string verb = command.arguments.empty() ? "" : command.arguments[0];
  return base::io_error("git " + verb + ": status " + std::to_string(status.shell_code()) + ": " +
                        base::printable(words.substr(0, 600)));
}

Result<std::string> run_git(const GitCommand& command, std::string_view input) {
  auto output = HV_TRY(base::run_command(git_spec(command), input, std::chrono::minutes(5)));
  if (output.status.shell_code() != 0) return Failure(failure(command, output.status, output.err));
  while (output.out.ends_with('\n')) output.out.pop_back();
  return output.out;
}

Status stream_git(const GitCommand& command, int input, int output) {
  base::CommandSpec spec = git_spec(command);
  auto words = HV_TRY(base::make_pipe());
  if (input >= 0) spec.fds.emplace_back(input, 0);
  if (output >= 0) spec.fds.emplace_back(output, 1);
  spec.fds.emplace_back(words.write_end.get(), 2);
  auto child = HV_TRY(base::spawn(spec));
  words.write_end.close();
  auto text = base::read_all(words.read_end.get(), size_t{1} << 20);
  base::ExitStatus status = HV_TRY(child.wait());
  if (status.shell_code() != 0) return Failure(failure(command, status, text.value_or("too many words")));
  return {};
}

}  // namespace hv::workspace
