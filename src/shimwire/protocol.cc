#include "shimwire/protocol.h"

#include "shimwire/launch_codec.h"
#include "shimwire/visit.h"

namespace hv::shimwire {

template <>
struct Last<base::ErrorCode> {
  static constexpr auto value = base::ErrorCode::internal;
};
template <>
struct Last<core::Outcome::Kind> {
  static constexpr auto value = core::Outcome::Kind::idle;
};

uint32_t protocol_of(std::string_view body) {
  Reader reader(body);
  return reader.u32();
}

static void visit(auto& v, auto& m, Problem*) {
  each(v, m.code, m.message, m.hint, m.exit_code);
}
static void visit(auto& v, auto& m, Launched*) {
  each(v, m.protocol, m.init_pid, m.supervisor_pid, m.enforced, m.degraded, m.cgroups, m.running, m.last_sequence);
}
static void visit(auto& v, auto& m, LaunchRequest*) {
  each(v, m.protocol, m.has_client, m.has_user_namespace, m.buffered, m.spec);
}
static void visit(auto& v, auto& m, ExecRequest*) {
  each(v, m.job, m.command, m.buffered);
}
static void visit(auto& v, auto& m, AttachRequest*) {
  each(v, m.buffered, m.rows, m.columns);
}
static void visit(auto& v, auto& m, SignalRequest*) {
  each(v, m.number);
}
static void visit(auto& v, auto& m, StopRequest*) {
  each(v, m.grace_milliseconds, m.by_rule);
}
static void visit(auto& v, auto& m, PausedNotice*) {
  each(v, m.paused);
}
static void visit(auto& v, auto& m, ExtendRequest*) {
  each(v, m.milliseconds);
}
static void visit(auto& v, auto& m, ThrottleRequest*) {
  each(v, m.bytes_per_second);
}
static void visit(auto& v, auto& m, WatchNotice*) {
  each(v, m.by_clock, m.read);
}
static void visit(auto& v, auto& m, Stalled*) {
  each(v, m.reason);
}
static void visit(auto& v, auto& m, Spooled*) {
  each(v, m.last_sequence);
}
static void visit(auto& v, auto& m, JobEnded*) {
  each(v, m.job, m.status, m.exec_errno, m.program);
}
static void visit(auto& v, auto& m, Ended*) {
  each(v, m.outcome.kind, m.outcome.code, m.outcome.detail, m.workspace_changed, m.last_sequence, m.client_attached);
}
static void visit(auto& v, auto& m, ImportRequest*) {
  each(v, m.path, m.mode, m.link);
}
static void visit(auto& v, auto& m, PrepareRequest*) {
  each(v, m.has_user_namespace, m.ground);
}
static void visit(auto& v, auto& m, InitGround*) {
  each(v, m.ground, m.sources);
}
static void visit(auto& v, auto& m, InitSetup*) {
  each(v, m.hostname, m.cgroup_files, m.host_ports, m.mounts, m.sources, m.seccomp_program, m.restrict_exec);
  each(v, m.executable);
}
static void visit(auto& v, auto& m, InitListeners*) {
  each(v, m.uses, m.more);
}
static void visit(auto& v, auto& m, InitReady*) {
  each(v, m.enforced, m.degraded);
}
static void visit(auto& v, auto& m, StartJob*) {
  each(v, m.job, m.command);
}
static void visit(auto& v, auto& m, JobStarted*) {
  each(v, m.job, m.pid);
}
static void visit(auto& v, auto& m, JobExited*) {
  each(v, m.job, m.wait_status, m.exec_errno, m.failed_step, m.alone);
}
static void visit(auto& v, auto& m, SignalJob*) {
  each(v, m.job, m.number, m.group);
}
static void visit(auto& v, auto& m, HostPortEvent*) {
  each(v, m.connection, m.port, m.bytes_in, m.bytes_out, m.error_number, m.pid, m.program);
}
static void visit(auto& v, auto& m, GatewaySetup*) {
  each(v, m.sandbox_id, m.sandbox_name, m.policy, m.proxy_environment, m.last_connection, m.bytes_per_second);
}

template <typename T>
base::Result<T> decode(std::string_view data) {
  return decode_visited<T>(data);
}

#define HV_MESSAGE(T)                    \
  std::string encode(const T& message) { \
    return encode_visited(message);      \
  }                                      \
  template base::Result<T> decode<T>(std::string_view);
HV_MESSAGE(Problem)
HV_MESSAGE(Launched)
HV_MESSAGE(LaunchRequest)
HV_MESSAGE(PrepareRequest)
HV_MESSAGE(ExecRequest)
HV_MESSAGE(AttachRequest)
HV_MESSAGE(SignalRequest)
HV_MESSAGE(StopRequest)
HV_MESSAGE(PausedNotice)
HV_MESSAGE(ExtendRequest)
HV_MESSAGE(ThrottleRequest)
HV_MESSAGE(WatchNotice)
HV_MESSAGE(Spooled)
HV_MESSAGE(Stalled)
HV_MESSAGE(JobEnded)
HV_MESSAGE(Ended)
HV_MESSAGE(ImportRequest)
HV_MESSAGE(InitGround)
HV_MESSAGE(InitSetup)
HV_MESSAGE(InitListeners)
HV_MESSAGE(InitReady)
HV_MESSAGE(StartJob)
HV_MESSAGE(JobStarted)
HV_MESSAGE(JobExited)
HV_MESSAGE(SignalJob)
HV_MESSAGE(HostPortEvent)
HV_MESSAGE(GatewaySetup)
#undef HV_MESSAGE

Problem to_problem(const base::Error& error, int exit_code) {
  return {error.code(), error.message(), error.hint(), exit_code};
}

base::Error to_error(const Problem& problem) {
  return base::Error(problem.code, problem.message).with_hint(problem.hint);
}

}  // namespace hv::shimwire
