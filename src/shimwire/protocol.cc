#include "shimwire/protocol.h"

#include "shimwire/launch_codec.h"

namespace hv::shimwire {

namespace {

// One visit() per struct serves both directions: an Encoder appends each member, a Decoder assigns it.
struct Encoder {
  Writer writer;
  void operator()(const std::string& value) { writer.text(value); }
  void operator()(const std::vector<std::string>& value) { writer.texts(value); }
  void operator()(bool value) { writer.boolean(value); }
  void operator()(uint16_t value) { writer.u16(value); }
  void operator()(uint32_t value) { writer.u32(value); }
  void operator()(uint64_t value) { writer.u64(value); }
  void operator()(int32_t value) { writer.i32(value); }
  void operator()(base::ErrorCode value) { writer.u8(static_cast<uint8_t>(value)); }
  void operator()(core::Outcome::Kind value) { writer.u8(static_cast<uint8_t>(value)); }
  void operator()(const core::Command& value) { write(writer, value); }
  void operator()(const core::Groundwork& value) { write(writer, value); }
  void operator()(const std::vector<core::Mount>& value) { write(writer, value); }
  void operator()(const std::vector<uint16_t>& value) {
    writer.list(value, [](Writer& into, uint16_t item) { into.u16(item); });
  }
};

struct Decoder {
  Reader reader;
  void operator()(std::string& value) { value = reader.text(); }
  void operator()(std::vector<std::string>& value) { value = reader.texts(); }
  void operator()(bool& value) { value = reader.boolean(); }
  void operator()(uint16_t& value) { value = reader.u16(); }
  void operator()(uint32_t& value) { value = reader.u32(); }
  void operator()(uint64_t& value) { value = reader.u64(); }
  void operator()(int32_t& value) { value = reader.i32(); }
  void operator()(base::ErrorCode& value) { value = enumerator<base::ErrorCode>(base::ErrorCode::internal); }
  void operator()(core::Outcome::Kind& value) {
    value = enumerator<core::Outcome::Kind>(core::Outcome::Kind::supervisor_lost);
  }
  void operator()(core::Command& value) { value = read_command(reader); }
  void operator()(core::Groundwork& value) { value = read_groundwork(reader); }
  void operator()(std::vector<core::Mount>& value) { value = read_mounts(reader); }
  void operator()(std::vector<uint16_t>& value) {
    value = reader.list<uint16_t>([](Reader& from) { return from.u16(); });
  }

 private:
  template <typename E>
  E enumerator(E last) {
    uint8_t value = reader.u8();
    if (value > static_cast<uint8_t>(last)) reader.fail();
    return static_cast<E>(value);
  }
};

template <typename V, typename... Members>
void each(V& visitor, Members&... members) {
  (visitor(members), ...);
}

void visit(auto& v, auto& m, Problem*) {
  each(v, m.code, m.message, m.hint, m.exit_code);
}
void visit(auto& v, auto& m, Launched*) {
  each(v, m.init_pid, m.supervisor_pid, m.enforced, m.degraded, m.cgroups, m.running, m.last_sequence);
}
void visit(auto& v, auto& m, LaunchRequest*) {
  each(v, m.has_client, m.has_user_namespace, m.buffered, m.spec);
}
void visit(auto& v, auto& m, ExecRequest*) {
  each(v, m.job, m.command, m.buffered);
}
void visit(auto& v, auto& m, AttachRequest*) {
  each(v, m.buffered, m.rows, m.columns);
}
void visit(auto& v, auto& m, SignalRequest*) {
  each(v, m.number);
}
void visit(auto& v, auto& m, StopRequest*) {
  each(v, m.grace_milliseconds);
}
void visit(auto& v, auto& m, Spooled*) {
  each(v, m.last_sequence);
}
void visit(auto& v, auto& m, JobEnded*) {
  each(v, m.job, m.status, m.exec_errno, m.program);
}
void visit(auto& v, auto& m, Ended*) {
  each(v, m.outcome.kind, m.outcome.code, m.outcome.detail, m.workspace_changed, m.last_sequence, m.client_attached);
}
void visit(auto& v, auto& m, ImportRequest*) {
  each(v, m.path, m.mode, m.link);
}
void visit(auto& v, auto& m, PrepareRequest*) {
  each(v, m.has_user_namespace, m.ground);
}
void visit(auto& v, auto& m, InitGround*) {
  each(v, m.ground, m.sources);
}
void visit(auto& v, auto& m, InitSetup*) {
  each(v, m.hostname, m.cgroup_files, m.host_ports, m.mounts, m.sources, m.seccomp_program);
}
void visit(auto& v, auto& m, InitReady*) {
  each(v, m.enforced, m.degraded);
}
void visit(auto& v, auto& m, StartJob*) {
  each(v, m.job, m.command);
}
void visit(auto& v, auto& m, JobStarted*) {
  each(v, m.job, m.pid);
}
void visit(auto& v, auto& m, JobExited*) {
  each(v, m.job, m.wait_status, m.exec_errno, m.failed_step, m.alone);
}
void visit(auto& v, auto& m, SignalJob*) {
  each(v, m.job, m.number, m.group);
}
void visit(auto& v, auto& m, HostPortEvent*) {
  each(v, m.connection, m.port, m.bytes_in, m.bytes_out, m.error_number);
}

template <typename T>
std::string encode_with_visit(const T& message) {
  Encoder encoder;
  visit(encoder, message, static_cast<T*>(nullptr));
  return encoder.writer.take();
}

}  // namespace

template <typename T>
base::Result<T> decode(std::string_view data) {
  T message;
  Decoder decoder{Reader(data)};
  visit(decoder, message, static_cast<T*>(nullptr));
  HV_TRY(decoder.reader.finish());
  return message;
}

#define HV_MESSAGE(T)                    \
  std::string encode(const T& message) { \
    return encode_with_visit(message);   \
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
HV_MESSAGE(Spooled)
HV_MESSAGE(JobEnded)
HV_MESSAGE(Ended)
HV_MESSAGE(ImportRequest)
HV_MESSAGE(InitGround)
HV_MESSAGE(InitSetup)
HV_MESSAGE(InitReady)
HV_MESSAGE(StartJob)
HV_MESSAGE(JobStarted)
HV_MESSAGE(JobExited)
HV_MESSAGE(SignalJob)
HV_MESSAGE(HostPortEvent)
#undef HV_MESSAGE

Problem to_problem(const base::Error& error, int exit_code) {
  return {error.code(), error.message(), error.hint(), exit_code};
}

base::Error to_error(const Problem& problem) {
  return base::Error(problem.code, problem.message).with_hint(problem.hint);
}

}  // namespace hv::shimwire
