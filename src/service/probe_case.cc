#include "service/probe_case.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <sys/socket.h>

#include "base/format.h"
#include "base/text.h"
#include "base/unix_socket.h"
#include "core/names.h"
#include "service/probe_targets.h"
#include "wire/frame.h"
#include "wire/problem.h"
#include "wire/types.h"

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;

namespace {

constexpr auto kDeadline = std::chrono::minutes(5);
constexpr size_t kMostOutput = size_t{1} << 20;

core::Command probe_command(const core::ProbeRequest& request, const ProbeTargets& targets) {
  core::Command command;
  command.arguments = {kProbeInside, "--json"};
  command.arguments.insert(command.arguments.end(), targets.options().begin(), targets.options().end());
  for (const std::string& id : request.ids) {
    command.arguments.emplace_back("--only");
    command.arguments.push_back(id);
  }
  command.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  command.directory = "/";
  return command;
}

}  // namespace

// One probing under way.
struct ProbeCase::Run {
  Run(const std::string& directory, Reply<core::ProbeReport> to) : targets(directory), reply(std::move(to)) {}

  ProbeTargets targets;
  Reply<core::ProbeReport> reply;
  std::string sandbox_id;
  std::string shown_as;
  base::Fd connection;
  wire::FrameDecoder decoder;
  std::string output;
  std::string problem;
  bool finished = false;
  base::Subscription readable;
  base::Subscription deadline;
};

ProbeCase::ProbeCase(Collaborators collaborators) : with_(std::move(collaborators)) {}
ProbeCase::~ProbeCase() = default;

Result<core::ProbeReport> parse_probe_output(int status, std::string_view output, std::string_view problem) {
  std::string said = base::printable(problem.substr(0, 500));
  if (status == 2) return Failure(base::invalid_argument("probe: " + said));
  if (status == 126 || status == 127)
    return Failure(base::unavailable("probe: this sandbox does not have the program")
                       .with_hint("a sandbox started now has it, if hydravisor-probe lies beside hydravisord"));
  if (status != 0 && status != 1)
    return Failure(base::unavailable(base::format("probe: the program ended with status {}: {}", status, said)));
  base::json::Value results = HV_TRY_CONTEXT(base::json::parse(output), "read the probe's answer");
  base::json::Object document{{"sandbox", ""}, {"results", std::move(results)}};
  core::ProbeReport report = HV_TRY_CONTEXT(wire::from_json<core::ProbeReport>(document), "read the probe's answer");
  for (core::ProbeResult& result : report.results) {
    result.id = base::printable(result.id);
    result.category = base::printable(result.category);
    result.detail = base::printable(result.detail);
  }
  return report;
}

void ProbeCase::probe(const std::string& sandbox, const core::ProbeRequest& request, Reply<core::ProbeReport> reply) {
  Result<SandboxView> view = with_.sandboxes.find(sandbox);
  if (!view) return reply(Failure(std::move(view).error()));
  std::string name = view->info.name;
  if (!request.control) return run_in(view->info.id, name, request, std::move(reply));
  std::string layer(core::name_of(*request.control));
  if (!with_.start_twin)
    return reply(Failure(
        base::unsupported(base::format("probe '{}' without {}: a running sandbox keeps all of its layers", name, layer))
            .with_hint(base::format("in one of its own: hydravisor run --skip-layer {} -- {}", layer, kProbeInside))));
  with_.start_twin(view->info.id, *request.control,
                   [this, name, request, reply = std::move(reply)](Result<core::SandboxInfo> twin) {
                     if (!twin) return reply(Failure(std::move(twin).error().with_context("start the twin")));
                     run_in(twin->id, name, request, [this, id = twin->id, reply](Result<core::ProbeReport> report) {
                       with_.remove_twin(id);
                       reply(std::move(report));
                     });
                   });
}

void ProbeCase::run_in(const std::string& sandbox, const std::string& shown_as, const core::ProbeRequest& request,
                       Reply<core::ProbeReport> reply) {
  auto run = std::make_shared<Run>(with_.directory, std::move(reply));
  run->sandbox_id = sandbox;
  run->shown_as = shown_as;
  auto start = [&]() -> Status {
    base::SocketPair pair = HV_TRY(base::make_socket_pair(SOCK_STREAM));
    std::string no_input;
    wire::append_frame(no_input, wire::FrameType::input_end, {});
    HV_TRY(base::write_all(pair.first.get(), no_input));
    HV_TRY(base::set_nonblocking(pair.first.get(), true));
    HV_TRY(with_.exec_inside(sandbox, probe_command(request, run->targets), {std::move(pair.second), {}}));
    run->connection = std::move(pair.first);
    return {};
  };
  if (Status started = start(); !started) return run->reply(Failure(std::move(started).error()));
  runs_.insert(run);
  std::weak_ptr<Run> weak = run;
  run->readable = with_.loop.watch(run->connection.get(), base::Reactor::Interest::readable, [this, weak] {
    if (std::shared_ptr<Run> still = weak.lock()) read(still);
  });
  run->deadline = with_.loop.after(kDeadline, [this, weak] {
    if (std::shared_ptr<Run> still = weak.lock())
      finish(still, Failure(base::timed_out("probe: no answer within five minutes")));
  });
}

void ProbeCase::read(const std::shared_ptr<Run>& run) {
  if (run->finished) return;
  std::array<char, 65536> buffer;
  ssize_t count = ::recv(run->connection.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return finish(run, Failure(base::unavailable("probe: the sandbox ended before the answer came")));
  run->decoder.feed({buffer.data(), static_cast<size_t>(count)});
  for (;;) {
    Result<std::optional<wire::Frame>> frame = run->decoder.next();
    if (!frame) return finish(run, Failure(std::move(frame).error().with_context("probe")));
    if (!*frame) return;
    std::string& payload = (*frame)->payload;
    switch ((*frame)->type) {
      case wire::FrameType::standard_output:
        run->output += payload;
        break;
      case wire::FrameType::standard_error:
        run->problem += payload;
        break;
      case wire::FrameType::exit: {
        Result<wire::ExitFrame> exit = wire::decode_exit(payload);
        if (!exit) return finish(run, Failure(std::move(exit).error()));
        return finish(run, parse_probe_output(exit->status, run->output, run->problem));
      }
      case wire::FrameType::error:
        return finish(run, Failure(wire::read_problem(500, payload)));
      default:
        break;
    }
    if (run->output.size() + run->problem.size() > kMostOutput)
      return finish(run, Failure(base::unavailable("probe: the answer is too long")));
  }
}

void ProbeCase::finish(const std::shared_ptr<Run>& run, Result<core::ProbeReport> report) {
  if (std::exchange(run->finished, true)) return;
  with_.loop.post([this, weak = std::weak_ptr<Run>(run)] {
    if (std::shared_ptr<Run> ended = weak.lock()) runs_.erase(ended);
  });
  if (report) {
    report->sandbox = run->shown_as;
    if (Status recorded = record(*report, run->sandbox_id); !recorded)
      report = Failure(std::move(recorded).error().with_context("probe: it was done, but could not be recorded"));
  }
  run->reply(std::move(report));
}

Status ProbeCase::record(const core::ProbeReport& report, const std::string& sandbox_id) {
  core::Event event;
  event.kind = "probe.finished";
  event.sandbox = sandbox_id;
  event.principal = with_.principal;
  // Said by a program that runs beside the agent.
  event.trust = core::Trust::claimed;
  base::json::Array failed;
  for (auto [status, name] : core::Names<core::ProbeStatus>::table) {
    uint64_t count = 0;
    for (const core::ProbeResult& result : report.results) {
      if (result.status != status) continue;
      ++count;
      if (status == core::ProbeStatus::got_through) failed.emplace_back(result.id);
    }
    event.payload[name] = count;
  }
  if (!failed.empty()) event.risk = core::Risk::high;
  event.payload["failed"] = std::move(failed);
  (void)HV_TRY(with_.recorder.record(event));
  return {};
}

}  // namespace hv::service
