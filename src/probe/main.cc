// hydravisor-probe: run inside a sandbox, it tries what a sandbox must withstand and says what held. Each attempt is a
// process of its own, so that one that is killed, hangs or spoils its surroundings does not disturb the others.
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "core/host_info.h"
#include "core/names.h"
#include "core/run_request.h"
#include "probe/probe.h"

namespace hv::probe {

std::string describe(std::string_view what, long result, int error) {
  std::string text(what);
  if (result >= 0) return text + " succeeded";
  const char* name = ::strerrorname_np(error);
  return text + ": " + (name != nullptr ? name : std::to_string(error));
}

Attempt judge(std::string_view what, long result, int error) {
  std::string detail = describe(what, result, error);
  return result < 0 ? held(std::move(detail)) : got_through(std::move(detail));
}

namespace {

using base::json::Array;
using base::json::Object;

std::vector<Probe> all_probes() {
  std::vector<Probe> probes;
  for (std::span<const Probe> part :
       {call_probes(), file_probes(), process_probes(), network_probes(), gateway_probes(), terminal_probes()})
    probes.insert(probes.end(), part.begin(), part.end());
  return probes;
}

constexpr int longest_attempt_ms = 5000;

Attempt run_apart(const Probe& probe, const Outside& outside) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return not_applicable("no pipe can be made");
  pid_t pid = ::fork();
  if (pid < 0) return not_applicable("no process can be started");
  if (pid == 0) {
    ::close(ends[0]);
    Attempt attempt = probe.attempt(outside);
    std::string message = static_cast<char>(attempt.outcome) + attempt.detail;
    ::_exit(::write(ends[1], message.data(), message.size()) == static_cast<ssize_t>(message.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  pollfd ready{.fd = ends[0], .events = POLLIN, .revents = 0};
  char message[4096];
  ssize_t size = ::poll(&ready, 1, longest_attempt_ms) == 1 ? ::read(ends[0], message, sizeof message) : -1;
  ::close(ends[0]);
  if (size < 0) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (size > 0) return {static_cast<Outcome>(message[0]), std::string(message + 1, static_cast<size_t>(size) - 1)};
  if (size < 0) return held("no answer within five seconds");
  return held(WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                                  : "the attempt ended without a word");
}

core::ProbeStatus status_of(const Probe& probe, Outcome outcome) {
  if (outcome == Outcome::got_through) return core::ProbeStatus::got_through;
  if (outcome == Outcome::not_applicable) return core::ProbeStatus::not_applicable;
  if (outcome == Outcome::held_unrecorded) return core::ProbeStatus::held_unrecorded;
  return probe.record.empty() ? core::ProbeStatus::held_unrecorded : core::ProbeStatus::held;
}

constexpr std::array<std::string_view, 3> kAllowances{"", "nested", "own_root"};

// What is allowed is no way out, and the filter that would have told of a failure is not asked.
Attempt judge_allowed(Allowance allowance, Attempt attempt) {
  if (attempt.outcome == Outcome::got_through)
    return not_applicable((allowance == Allowance::nested ? "allowed, since the policy allows sandboxes inside: "
                                                          : "allowed in a root file system of its own: ") +
                          attempt.detail);
  if (attempt.outcome == Outcome::held) attempt.outcome = Outcome::held_unrecorded;
  return attempt;
}

Array layers_of(const Probe& probe) {
  Array control;
  for (auto [layer, name] : core::Names<core::Layer>::table)
    if ((probe.control & static_cast<uint32_t>(layer)) != 0) control.emplace_back(name);
  return control;
}

Object describe_probe(const Probe& probe) {
  return {{"id", probe.id},
          {"category", probe.category},
          {"summary", probe.summary},
          {"control", layers_of(probe)},
          {"record", probe.record},
          {"needs_network", probe.needs_network},
          {"allowed_by", kAllowances[static_cast<size_t>(probe.allowed_by)]}};
}

struct Options {
  bool json = false;
  bool list = false;
  bool help = false;
  bool nested = false;
  bool own_root = false;
  std::vector<std::string_view> ids;  // empty: all
  Outside outside;
};

bool parse_number(std::string_view text, int& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// The options that name parts of a network that answers.
std::string Outside::* network_option(std::string_view word) {
  struct Option {
    std::string_view word;
    std::string Outside::* value;
  };
  static constexpr Option kOptions[] = {
      {"--net-allowed", &Outside::allowed},         {"--net-unlisted", &Outside::unlisted},
      {"--net-rebinding", &Outside::rebinding},     {"--net-own-name", &Outside::own_name},
      {"--net-unlisted-v4", &Outside::unlisted_v4}, {"--net-unlisted-v6", &Outside::unlisted_v6},
      {"--net-name-server", &Outside::name_server},
  };
  for (const Option& option : kOptions)
    if (option.word == word) return option.value;
  return nullptr;
}

// False after a message about what cannot be understood.
bool parse(std::span<char*> arguments, Options& options) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    std::string_view value = i + 1 < arguments.size() ? std::string_view(arguments[i + 1]) : std::string_view();
    bool takes_value = true;
    bool good = true;
    if (word == "--json") {
      options.json = true, takes_value = false;
    } else if (word == "--list") {
      options.list = true, takes_value = false;
    } else if (word == "--help") {
      options.help = true, takes_value = false;
    } else if (word == "--nested") {
      options.nested = true, takes_value = false;
    } else if (word == "--own-root") {
      options.own_root = true, takes_value = false;
    } else if (word == "--only") {
      options.ids.push_back(value);
    } else if (word == "--host-pid") {
      good = parse_number(value, options.outside.pid);
    } else if (word == "--host-abstract") {
      options.outside.abstract = value;
    } else if (word == "--host-socket") {
      options.outside.socket = value;
    } else if (word == "--host-file") {
      options.outside.file = value;
    } else if (word == "--host-shared-memory") {
      good = parse_number(value, options.outside.shared_memory);
    } else if (word == "--host-message-queue") {
      options.outside.message_queue = value;
    } else if (word == "--host-tcp") {
      good = parse_number(value, options.outside.port) && options.outside.port < 65536;
    } else if (std::string Outside::* text = network_option(word)) {
      options.outside.*text = value;
    } else {
      std::fprintf(stderr, "hydravisor-probe: unknown option '%s' (see --help)\n", arguments[i]);
      return false;
    }
    if (takes_value && (i + 1 == arguments.size() || !good)) {
      std::fprintf(stderr, "hydravisor-probe: %s needs a value of its kind (see --help)\n", arguments[i]);
      return false;
    }
    i += takes_value ? 1 : 0;
  }
  return true;
}

constexpr const char* help_text =
    "hydravisor-probe [--json] [--list] [--only ID]... [--host-... VALUE]... [--net-... VALUE]...\n"
    "\n"
    "Tries, from inside a sandbox, what a sandbox must withstand. Exits 1 when anything got through.\n"
    "  --list                    what there is to try, the layers that hold it, the call that the ledger names\n"
    "  --only ID                 this one; may be repeated\n"
    "  --nested                  the policy allows sandboxes inside, and with them some of these\n"
    "  --own-root                the root file system is a directory's copy-on-write view (run --rootfs)\n"
    "  --host-pid PID            a process of the host, of the same user\n"
    "  --host-abstract NAME      an abstract socket that listens on the host\n"
    "  --host-socket PATH        a unix socket that listens on the host\n"
    "  --host-file PATH          a file of the host that is not shared with the sandbox\n"
    "  --host-shared-memory KEY  a System V segment of the host that anybody may attach\n"
    "  --host-message-queue NAME a POSIX message queue of the host that anybody may read\n"
    "  --host-tcp PORT           a TCP port that listens on the host's loopback\n"
    "  --net-allowed NAME        a server that the policy allows, which answers as docs/probes.md says\n"
    "  --net-unlisted NAME       another name of the same server, which no rule allows\n"
    "  --net-rebinding NAME      an allowed name that leads to a private address from its second answer on\n"
    "  --net-own-name NAME       an allowed name of the host itself\n"
    "  --net-unlisted-v4 ADDRESS, --net-unlisted-v6 ADDRESS\n"
    "                            addresses of the server, which no rule allows\n"
    "  --net-name-server ADDRESS a server that answers for these names\n"
    "What needs something of the host that is not named is reported as not_applicable.\n"
    "Example: hydravisor run -- hydravisor-probe --host-pid $$\n";

int list(const std::vector<Probe>& probes, bool json) {
  if (json) {
    Array array;
    for (const Probe& probe : probes) array.push_back(describe_probe(probe));
    std::printf("%s\n", base::json::serialize(array).c_str());
    return 0;
  }
  for (const Probe& probe : probes)
    std::printf("%-24s %-14s %s\n", std::string(probe.id).c_str(), std::string(probe.category).c_str(),
                std::string(probe.summary).c_str());
  return 0;
}

int run(const std::vector<Probe>& probes, const Options& options) {
  Array array;
  bool through = false;
  for (const Probe& probe : probes) {
    Attempt attempt = run_apart(probe, options.outside);
    if ((options.nested && probe.allowed_by == Allowance::nested) ||
        (options.own_root && probe.allowed_by == Allowance::own_root))
      attempt = judge_allowed(probe.allowed_by, std::move(attempt));
    core::ProbeStatus status = status_of(probe, attempt.outcome);
    through = through || status == core::ProbeStatus::got_through;
    if (options.json) {
      Object entry{{"id", probe.id},
                   {"category", probe.category},
                   {"status", core::name_of(status)},
                   {"detail", attempt.detail}};
      if (status == core::ProbeStatus::got_through) entry["layers"] = layers_of(probe);
      array.push_back(std::move(entry));
    } else {
      std::printf("%-16s %-24s %s\n", std::string(core::name_of(status)).c_str(), std::string(probe.id).c_str(),
                  attempt.detail.c_str());
    }
  }
  if (options.json) std::printf("%s\n", base::json::serialize(array).c_str());
  return through ? 1 : 0;
}

int main_with(std::span<char*> arguments) {
  Options options;
  if (!parse(arguments, options)) return 2;
  if (options.help) {
    std::fputs(help_text, stdout);
    return 0;
  }
  std::vector<Probe> probes = all_probes();
  for (std::string_view id : options.ids) {
    bool known = false;
    for (const Probe& probe : probes) known = known || probe.id == id;
    if (known) continue;
    std::fprintf(stderr, "hydravisor-probe: no probe is named '%s' (see --list)\n", std::string(id).c_str());
    return 2;
  }
  if (!options.ids.empty())
    std::erase_if(probes, [&](const Probe& probe) {
      for (std::string_view id : options.ids)
        if (probe.id == id) return false;
      return true;
    });
  return options.list ? list(probes, options.json) : run(probes, options);
}

}  // namespace
}  // namespace hv::probe

int main(int count, char** arguments) {
  return hv::probe::main_with({arguments, static_cast<size_t>(count)});
}
