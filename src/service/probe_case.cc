#include "service/probe_case.h"

#include <algorithm>
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

core::Command probe_command(const core::ProbeRequest& request, const ProbeTargets& targets, bool nested,
                            bool own_root) {
  core::Command command;
  command.arguments = {kProbeInside, "--json"};
  if (nested) command.arguments.emplace_back("--nested");
  if (own_root) command.arguments.emplace_back("--own-root");
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
    if (result.layers)
      for (std::string& layer : *result.layers) layer = base::printable(layer);
  }
  return report;
}

core::Proof make_proof(const Twin& twin, const std::string& name, const core::ProbeReport& report) {
  core::Proof proof;
  proof.name = name;
  proof.subject = twin.subject;
  proof.layers = twin.layers;
  proof.degraded = twin.degraded;
  for (const core::ProbeResult& result : report.results) {
    proof.verdicts[result.id] = core::name_of(result.status);
    if (result.status == core::ProbeStatus::got_through) proof.failed.push_back(result);
  }
  proof.held = proof.failed.empty() && !proof.verdicts.empty();
  return proof;
}

base::Error refuse_unproven(const core::Proof& proof, uint64_t index) {
  std::string text = base::format("not started: {} of {} probes got through in a sandbox of the same plan",
                                  proof.failed.size(), proof.verdicts.size());
  constexpr size_t kNamed = 5;
  std::vector<std::string> missing;
  auto has = [](const std::vector<std::string>& items, const std::string& item) {
    return std::ranges::find(items, item) != items.end();
  };
  for (size_t i = 0; i < proof.failed.size(); ++i) {
    const core::ProbeResult& failed = proof.failed[i];
    std::vector<std::string> layers = failed.layers.value_or(std::vector<std::string>{});
    missing.insert(missing.end(), layers.begin(), layers.end());
    if (i < kNamed)
      text +=
          base::format("\n  {}: {} ({})", failed.id, failed.detail,
                       layers.empty() ? "held by what no switch leaves out" : "held by " + base::join(layers, ", "));
  }
  if (proof.failed.size() > kNamed) text += base::format("\n  and {} more", proof.failed.size() - kNamed);
  std::vector<std::string> fixes;
  for (auto [layer, name] : core::Names<core::Layer>::table) {
    if (has(proof.subject.variant, "without " + std::string(name)) && has(missing, std::string(name)))
      fixes.push_back(base::format("leave out --skip-layer {}", name));
  }
  if (fixes.empty()) fixes.emplace_back("what this machine lacks: hydravisor doctor");
  return base::denied(text).with_hint(
      base::format("{}; the whole proof: hydravisor audit show {}", base::join(fixes, "; "), index));
}

void ProbeCase::probe(const std::string& sandbox, const core::ProbeRequest& request, Reply<core::ProbeReport> reply,
                      const std::string& by) {
  if (request.sign && (request.control || !request.ids.empty()))
    return reply(Failure(
        base::invalid_argument("a proof is about every probe and every layer: 'sign' goes without the others")));
  Result<SandboxView> view = with_.sandboxes.find(sandbox);
  if (!view) return reply(Failure(std::move(view).error()));
  std::string id = view->info.id;
  std::string name = view->info.name;
  if (!request.sign && !request.control)
    return run_in({id, view->info.isolation.nested.value_or(false), !view->info.rootfs.empty()}, request,
                  [this, id, name, by, reply = std::move(reply)](Result<core::ProbeReport> report) {
                    reply(record(std::move(report), id, name, by));
                  });
  with_.start_twin(id, request.control, [this, id, name, request, by, reply = std::move(reply)](Result<Twin> twin) {
    if (!twin) return reply(Failure(std::move(twin).error().with_context("start the twin")));
    if (request.sign) return probe_twin(*twin, id, name, reply);
    run_in({twin->id, twin->nested, twin->own_root}, request,
           [this, twin = twin->id, name, by, reply](Result<core::ProbeReport> report) {
             with_.remove_twin(twin);
             reply(record(std::move(report), twin, name, by));
           });
  });
}

void ProbeCase::prove(const core::RunRequest& request, Reply<uint64_t> reply) {
  with_.start_twin_for(request, [this, reply = std::move(reply)](Result<Twin> twin) {
    if (!twin) return reply(Failure(std::move(twin).error().with_context("prove: start a twin")));
    probe_twin(*twin, twin->id, twin->name, [twin = *twin, reply](const Result<core::ProbeReport>& report) {
      if (!report) return reply(Failure(report.error()));
      core::Proof proof = make_proof(twin, twin.name, *report);
      proof.held ? reply(*report->proof) : reply(Failure(refuse_unproven(proof, *report->proof)));
    });
  });
}

void ProbeCase::probe_twin(const Twin& twin, const std::string& sandbox, const std::string& name,
                           Reply<core::ProbeReport> reply) {
  run_in(
      {twin.id, twin.nested, twin.own_root}, {}, [this, twin, sandbox, name, reply](Result<core::ProbeReport> report) {
        with_.remove_twin(twin.id);
        if (!report) return reply(Failure(std::move(report).error()));
        report->sandbox = name;
        with_.sign(sandbox, make_proof(twin, name, *report), [report = *report, reply](Result<uint64_t> index) mutable {
          if (!index) return reply(Failure(std::move(index).error()));
          report.proof = *index;
          reply(std::move(report));
        });
      });
}

void ProbeCase::run_in(const Place& place, const core::ProbeRequest& request, Reply<core::ProbeReport> reply) {
  auto run = std::make_shared<Run>(with_.directory, std::move(reply));
  auto start = [&]() -> Status {
    base::SocketPair pair = HV_TRY(base::make_socket_pair(SOCK_STREAM));
    std::string no_input;
    wire::append_frame(no_input, wire::FrameType::input_end, {});
    HV_TRY(base::write_all(pair.first.get(), no_input));
    HV_TRY(base::set_nonblocking(pair.first.get(), true));
    HV_TRY(with_.exec_inside(place.sandbox, probe_command(request, run->targets, place.nested, place.own_root),
                             {std::move(pair.second), {}}));
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
  run->reply(std::move(report));
}

Result<core::ProbeReport> ProbeCase::record(Result<core::ProbeReport> report, const std::string& sandbox_id,
                                            const std::string& shown_as, const std::string& by) {
  if (!report) return report;
  report->sandbox = shown_as;
  core::Event event;
  event.kind = "probe.finished";
  event.sandbox = sandbox_id;
  event.principal = by.empty() ? with_.principal : by;
  // Said by a program that runs beside the agent.
  event.trust = core::Trust::claimed;
  base::json::Array failed;
  for (auto [status, name] : core::Names<core::ProbeStatus>::table) {
    uint64_t count = 0;
    for (const core::ProbeResult& result : report->results) {
      if (result.status != status) continue;
      ++count;
      if (status == core::ProbeStatus::got_through) failed.emplace_back(result.id);
    }
    event.payload[name] = count;
  }
  if (!failed.empty()) event.risk = core::Risk::high;
  event.payload["failed"] = std::move(failed);
  if (auto recorded = with_.recorder.record(event); !recorded)
    return Failure(std::move(recorded).error().with_context("probe: it was done, but could not be recorded"));
  return report;
}

}  // namespace hv::service
