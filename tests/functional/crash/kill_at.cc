// Runs commands under ptrace(2) and kills one of Hydravisor's processes exactly before one step of its work:
//
//   kill_at --log FILE [--name PREFIX=WORD]... [--at 'ROLE STEP #N'] -- COMMAND... [--then COMMAND...]...
//
// Without --at it only writes the steps down, a line each: role, step, how many of this kind there were; and every
// process. The step that is named in --at is not done: the process is dead before its system call begins. From then on
// nothing is watched any more; this program waits for the command that is running and leaves everything else as it is.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee.h"

namespace hv::crash {

namespace {

constexpr int kSyscallStop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD
constexpr long kOptions =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

struct Request {
  std::string log;
  std::string at;
  Names names;
  std::vector<std::vector<char*>> commands;
};

struct Thread {
  pid_t process = 0;
  std::string role;
};

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "kill_at: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

pid_t process_of(pid_t thread) {
  std::string path = "/proc/" + std::to_string(thread) + "/status";
  pid_t process = thread;
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr)
      if (std::strncmp(line, "Tgid:", 5) == 0) process = static_cast<pid_t>(std::atoi(line + 5));
    std::fclose(file);
  }
  return process;
}

class Tracer {
 public:
  explicit Tracer(Request request) : request_(std::move(request)), log_(std::fopen(request_.log.c_str(), "we")) {
    if (log_ == nullptr) give_up("open the log");
  }
  ~Tracer() { std::fclose(log_); }
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  int run() {
    start_next();
    int status = 0;
    while (true) {
      pid_t thread = ::waitpid(-1, &status, __WALL);
      if (thread < 0 && errno == EINTR) continue;
      if (thread < 0) break;
      if (WIFSTOPPED(status)) {
        on_stop(thread, status);
        continue;
      }
      threads_.erase(thread);
      if (thread == command_) on_command_end(status);
      if (command_ == 0 && (killed_ || !anybody_at_work())) break;
    }
    return last_status_;
  }

 private:
  void start_next() {
    std::vector<char*>& words = request_.commands.at(next_command_++);
    words.push_back(nullptr);
    pid_t child = ::fork();
    if (child < 0) give_up("fork");
    if (child == 0) {
      ::raise(SIGSTOP);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, WUNTRACED);
    if (::ptrace(PTRACE_SEIZE, child, nullptr, kOptions) != 0) give_up("trace");
    threads_[child] = {child, "other"};
    command_ = child;
    ::kill(child, SIGCONT);
  }

  void on_command_end(int status) {
    last_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    std::fprintf(log_, "status\t%d\n", last_status_);
    command_ = 0;
    if (!killed_ && next_command_ < request_.commands.size()) start_next();
  }

  // Sandboxes that go on are nobody's work.
  bool anybody_at_work() const {
    for (const auto& [thread, about] : threads_)
      if (about.role == "daemon" || about.role == "command" || about.role == "worker") return true;
    return false;
  }

  Thread& about(pid_t thread) {
    auto [place, fresh] = threads_.try_emplace(thread);
    if (fresh) {
      place->second.process = process_of(thread);
      place->second.role = role_of(thread);
      if (place->second.process == thread) std::fprintf(log_, "process\t%d\n", thread);
    }
    return place->second;
  }

  void on_stop(pid_t thread, int status) {
    int signal = WSTOPSIG(status);
    unsigned event = static_cast<unsigned>(status) >> 16;
    Thread& who = about(thread);
    if (signal == kSyscallStop) {
      if (!killed_) on_call(thread, who);
      signal = 0;
    } else if (event == PTRACE_EVENT_EXEC) {
      who.process = process_of(thread);
      who.role = role_of(thread);
      signal = 0;
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
      // Stopped by a signal, and to remain so until SIGCONT.
      ::ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
      return;
    } else if (event != 0) {
      signal = 0;
    }
    // One that was killed meanwhile is told by the next waitpid(2).
    ::ptrace(killed_ ? PTRACE_CONT : PTRACE_SYSCALL, thread, nullptr, static_cast<long>(signal));
  }

  void on_call(pid_t thread, const Thread& who) {
    __ptrace_syscall_info call{};
    if (::ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), thread, sizeof call, &call) <= 0) return;
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY || who.role == "other") return;
    std::optional<std::string> step = step_of(thread, call, request_.names);
    if (!step) return;
    std::string key = who.role + "\t" + *step;
    int number = ++counts_[key];
    std::string line = key + "\t" + std::to_string(number);
    killed_ = line == request_.at;
    std::fprintf(log_, "%s\t%s\n", killed_ ? "killed" : "step", line.c_str());
    if (killed_) ::kill(who.process, SIGKILL);
  }

  Request request_;
  FILE* log_;
  std::map<pid_t, Thread> threads_;
  std::map<std::string, int> counts_;
  size_t next_command_ = 0;
  pid_t command_ = 0;
  int last_status_ = 0;
  bool killed_ = false;
};

Request parse(int argc, char** argv) {
  Request request;
  int at = 1;
  for (; at + 1 < argc && std::strcmp(argv[at], "--") != 0; at += 2) {
    std::string option = argv[at], value = argv[at + 1];
    if (option == "--log") request.log = value;
    if (option == "--at") request.at = value;
    if (option == "--name")
      request.names.emplace_back(value.substr(0, value.find('=')), value.substr(value.find('=') + 1));
  }
  request.commands.emplace_back();
  for (++at; at < argc; ++at) {
    if (std::strcmp(argv[at], "--then") == 0)
      request.commands.emplace_back();
    else
      request.commands.back().push_back(argv[at]);
  }
  return request;
}

}  // namespace

}  // namespace hv::crash

int main(int argc, char** argv) {
  hv::crash::Request request = hv::crash::parse(argc, argv);
  if (request.log.empty() || request.commands.front().empty()) {
    std::fputs("usage: kill_at --log FILE [--name PREFIX=WORD]... [--at STEP] -- COMMAND... [--then COMMAND...]...\n",
               stderr);
    return 2;
  }
  return hv::crash::Tracer(std::move(request)).run();
}
