// What the daemon makes of the monitor's records: kind, trust, risk and payload of each.
#include <algorithm>
#include <csignal>
#include <cstring>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/format.h"
#include "base/text.h"
#include "isolation/call_names.h"
#include "isolation/denied_calls.h"
#include "monitor/record.h"

namespace hv::monitor {
namespace {

using base::json::Array;

// The ledger holds JSON, which is UTF-8; what is not becomes visible escapes, and the payload says so.
std::string as_utf8(const std::string& text, bool& escaped) {
  if (base::is_valid_utf8(text)) return text;
  escaped = true;
  return base::printable(text);
}

core::Event exec_event(const ExecAttempt& record) {
  core::Event event;
  event.kind = "exec.started";
  event.trust = core::Trust::claimed;
  bool escaped = false;
  Array arguments;
  for (const std::string& argument : record.arguments) arguments.emplace_back(as_utf8(argument, escaped));
  event.payload = {{"pid", record.pid},
                   {"parent", record.parent},
                   {"path", as_utf8(record.path, escaped)},
                   {"arguments", std::move(arguments)},
                   {"directory", as_utf8(record.directory, escaped)}};
  if (record.truncated) event.payload["truncated"] = true;
  if (record.unreadable) event.payload["unreadable"] = true;
  if (escaped) event.payload["escaped"] = true;
  if (record.redacted > 0) event.payload["redacted"] = record.redacted;
  if (record.omitted > 0) event.payload["arguments_omitted"] = record.omitted;
  return event;
}

core::Event folded_event(const ExecFolded& record) {
  core::Event event;
  event.kind = "exec.repeated";
  event.trust = core::Trust::claimed;
  bool escaped = false;
  event.payload = {{"pid", record.pid},
                   {"path", as_utf8(record.path, escaped)},
                   {"directory", as_utf8(record.directory, escaped)},
                   {"count", record.count}};
  if (escaped) event.payload["escaped"] = true;
  return event;
}

core::Event observed_event(const ExecObserved& record) {
  core::Event event;
  event.kind = "exec.observed";
  event.trust = core::Trust::observed;
  bool escaped = false;
  event.payload = {{"pid", record.pid}, {"executable", as_utf8(record.executable, escaped)}};
  if (escaped) event.payload["escaped"] = true;
  return event;
}

core::Risk risk_of(const DeniedCall& record) {
  if (record.foreign) return core::Risk::high;
  switch (record.number) {
    // Ordinary programs try these and go on without.
    case SYS_io_uring_setup:
    case SYS_io_uring_enter:
    case SYS_io_uring_register:
    case SYS_personality:
    case SYS_socket:
    case SYS_name_to_handle_at:
      return core::Risk::info;
    case SYS_clone:
    case SYS_unshare:
    case SYS_sethostname:
    case SYS_perf_event_open:
      return core::Risk::low;
    // No honest agent asks for these.
    case SYS_bpf:
    case SYS_kexec_load:
    case SYS_kexec_file_load:
    case SYS_init_module:
    case SYS_finit_module:
    case SYS_open_by_handle_at:
    case SYS_setns:
    case SYS_ioctl:
      return core::Risk::high;
    default:
      return core::Risk::medium;
  }
}

core::Event denied_event(const DeniedCall& record) {
  core::Event event;
  event.kind = "call.denied";
  event.trust = core::Trust::observed;
  event.risk = risk_of(record);
  const isolation::DeniedCall* entry = record.foreign ? nullptr : isolation::find_denied_call(record.number);
  std::string name = entry != nullptr  ? std::string(entry->name)
                     : !record.foreign ? std::string(isolation::call_name(record.number))
                                       : std::string();
  if (name.empty()) name = base::format("{} {}", record.foreign ? "foreign" : "unknown", record.number);
  const char* error = ::strerrorname_np(record.error);
  Array arguments;
  for (uint64_t argument : record.arguments) arguments.emplace_back(base::format("{:#x}", argument));
  event.payload = {{"pid", record.pid},
                   {"call", std::move(name)},
                   {"error", error != nullptr ? std::string(error) : std::to_string(record.error)},
                   {"arguments", std::move(arguments)},
                   {"count", record.count}};
  return event;
}

core::Event file_event(const FileClaim& record) {
  core::Event event;
  event.kind = base::format("file.{}", core::name_of(record.kind));
  event.trust = core::Trust::claimed;
  bool escaped = false;
  event.payload = {
      {"pid", record.pid}, {"call", as_utf8(record.call, escaped)}, {"path", as_utf8(record.path, escaped)}};
  if (!record.old_path.empty()) event.payload["old_path"] = as_utf8(record.old_path, escaped);
  if (record.path.empty() && record.pid != 0) event.payload["unreadable"] = true;
  if (record.count != 1) event.payload["count"] = record.count;
  if (escaped) event.payload["escaped"] = true;
  return event;
}

// A crash is what an honest program may run into; that it was killed or ended by itself is ordinary.
bool is_crash(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGABRT || signal == SIGFPE ||
         signal == SIGSYS || signal == SIGTRAP;
}

core::Event exited_event(const ProcessesExited& record) {
  core::Event event;
  event.kind = "process.exited";
  event.trust = core::Trust::observed;
  bool escaped = false;
  bool one = record.ended.size() == 1;
  uint32_t longest = 0;
  Array pids;
  for (const ProcessEnded& ended : record.ended) {
    pids.emplace_back(ended.pid);
    longest = std::max(longest, ended.milliseconds);
  }
  if (one) event.payload["pid"] = record.ended.front().pid;
  if (!record.executable.empty()) event.payload["executable"] = as_utf8(record.executable, escaped);
  if (!record.wait_status) {
    event.payload["unknown"] = true;
  } else if (WIFSIGNALED(*record.wait_status)) {
    int signal = WTERMSIG(*record.wait_status);
    const char* name = ::sigabbrev_np(signal);
    event.payload["status"] = 128 + signal;
    event.payload["signal"] = name != nullptr ? base::format("SIG{}", name) : std::to_string(signal);
    if (is_crash(signal)) event.risk = core::Risk::low;
  } else {
    event.payload["status"] = WEXITSTATUS(*record.wait_status);
  }
  event.payload["milliseconds"] = longest;
  if (!one) {
    event.payload["count"] = record.ended.size();
    event.payload["pids"] = std::move(pids);
  }
  if (escaped) event.payload["escaped"] = true;
  return event;
}

core::Event unfollowed_event(const ProcessesUnfollowed& record) {
  core::Event event;
  event.kind = "process.unfollowed";
  event.trust = core::Trust::observed;
  event.payload["reason"] = record.reason;
  if (record.count == 0) return event;
  Array pids;
  for (uint32_t pid : record.pids) pids.emplace_back(pid);
  event.payload["count"] = record.count;
  event.payload["pids"] = std::move(pids);
  return event;
}

core::Event seen_event(const FileSeen& record) {
  core::Event event;
  event.kind = base::format("file.{}", core::name_of(record.kind));
  event.trust = core::Trust::observed;
  bool escaped = false;
  event.payload = {{"path", as_utf8(record.path, escaped)}};
  if (!record.old_path.empty()) event.payload["old_path"] = as_utf8(record.old_path, escaped);
  if (record.type) event.payload["type"] = core::name_of(*record.type);
  if (record.count > 0) {
    event.payload["count"] = record.count;
  } else if (record.kind != core::FileEventKind::deleted) {
    event.payload["mode"] = base::format("{:04o}", record.mode);
    event.payload["size"] = record.size;
  }
  event.payload["while_running"] = true;
  if (escaped) event.payload["escaped"] = true;
  return event;
}

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

core::Event to_event(const Record& record) {
  return std::visit(
      Overloaded{
          [](const ExecAttempt& r) { return exec_event(r); }, [](const ExecFolded& r) { return folded_event(r); },
          [](const ExecObserved& r) { return observed_event(r); }, [](const FileClaim& r) { return file_event(r); },
          [](const DeniedCall& r) { return denied_event(r); }, [](const ProcessesExited& r) { return exited_event(r); },
          [](const ProcessesUnfollowed& r) { return unfollowed_event(r); },
          [](const FileSeen& r) { return seen_event(r); }},
      record);
}

}  // namespace hv::monitor
