// doctor, probe, daemon, version: this machine and this installation.
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/format.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/arguments.h"
#include "cli/build_info.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/host_view.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr std::chrono::seconds kDaemonEnds{15};

constexpr Argument kName[] = {{.name = "NAME", .least = 0, .most = 1, .completion = Completion::sandboxes}};

constexpr Option kProbeOptions[] = {
    {.name = "control",
     .value = "LAYER",
     .help = "Try it in a twin without this layer: what then gets through proves the probe",
     .completion = Completion::layers},
    {.name = "only", .value = "ID", .help = "Only this probe", .repeatable = true},
    {.name = "sign", .help = "In a twin in which nothing else runs; the result goes into the ledger as a signed proof"},
    {.name = "last", .help = "Show the last proof, of NAME or of all, and whether it still counts; try nothing"},
};
constexpr Option kDoctorOptions[] = {
    {.name = "reap", .help = "Take away what killed processes left behind, and list it; without it, it is only named"},
};
constexpr ExitCode kProbeCodes[] = {{"0", "everything held"},
                                    {"1", "something got through; with --last: the proof does not count any more"}};
constexpr ExitCode kDoctorCodes[] = {
    {"0", "sandboxes can be started here"},
    {"1", "they cannot; the fixes are listed. With --reap: something could not be taken away"}};

base::Result<int> show_last_proof(Context& context, const std::string& sandbox) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::ProofInfo> proofs = HV_TRY(client->proofs(sandbox, 1));
  if (proofs.empty())
    return base::Failure(base::not_found(sandbox.empty()
                                             ? "nothing was proven yet"
                                             : base::format("nothing was proven of '{}' yet", base::printable(sandbox)))
                             .with_hint("hydravisor probe --sign NAME, or hydravisor run --prove -- COMMAND"));
  const core::ProofInfo& proof = proofs.front();
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(proof))
                                 : context.print(proof_text(proof, base::system_clock().wall(), context.width())));
  return code == kDone && !proof.stale.empty() ? kNo : code;
}

base::Result<int> probe(Context& context, const Arguments& arguments) {
  core::ProbeRequest request{.control = std::nullopt, .ids = arguments.values("only"), .sign = arguments.has("sign")};
  auto contradicts = [&](std::string_view one, std::string_view other) {
    return context.usage<int>(
        base::Failure(base::invalid_argument(base::format("--{} and --{} contradict each other", one, other))));
  };
  for (std::string_view option : {"control", "only"}) {
    if (request.sign && arguments.has(option)) return contradicts("sign", option);
    if (arguments.has("last") && arguments.has(option)) return contradicts("last", option);
  }
  if (request.sign && arguments.has("last")) return contradicts("sign", "last");
  if (arguments.has("last")) return show_last_proof(context, arguments.words().empty() ? "" : arguments.word(0));
  if (arguments.words().empty())
    return context.usage<int>(base::Failure(
        base::invalid_argument("NAME is missing: the sandbox to try").with_hint("hydravisor ls shows all")));
  if (auto text = arguments.value("control"))
    request.control = HV_TRY_CONTEXT(context.usage(core::parse_name<core::Layer>(*text)), "--control");
  client::Client* client = HV_TRY(context.client());
  if (context.error_is_terminal() && !context.json) context.note("probing ...");
  core::ProbeReport report = HV_TRY(client->probe(arguments.word(0), request));
  bool held = true;
  base::json::Array items;
  for (const core::ProbeResult& result : report.results) {
    held &= result.status != core::ProbeStatus::got_through;
    items.push_back(base::json::Object{{"id", result.id},
                                       {"category", result.category},
                                       {"status", std::string(core::name_of(result.status))},
                                       {"detail", result.detail}});
  }
  int code = HV_TRY(context.json ? context.print_json(std::move(items))
                                 : context.print(probe_text(report, context.table_width())));
  if (report.proof)
    context.note(base::format("signed: record {} of the ledger; show it: hydravisor audit show {}", *report.proof,
                              *report.proof));
  return code == kDone && !held ? kNo : code;
}

base::Result<int> reap(Context& context, client::Client& client) {
  core::ReapReport report = HV_TRY(client.reap());
  bool all = std::ranges::all_of(report.items, [](const core::Leftover& item) { return item.problem.empty(); });
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report)) : context.print(reap_text(report)));
  return code == kDone && !all ? kNo : code;
}

base::Result<int> doctor(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  if (arguments.has("reap")) return reap(context, *client);
  // A name that is no text cannot be asked about: JSON and URLs have none.
  std::string workspace;
  if (auto caller = context.caller(); caller && base::is_valid_utf8(caller->directory)) workspace = caller->directory;
  core::DoctorReport report = HV_TRY(client->doctor(workspace));
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report))
                                 : context.print(doctor_text(report, context.width())));
  return code == kDone && !report.usable ? kNo : code;
}

base::Result<int> daemon_run(Context& context, const Arguments&) {
  std::string program = HV_TRY(client::find_program("hydravisord"));
  std::vector<char*> arguments{program.data(), nullptr};
  ::execve(program.c_str(), arguments.data(), context.raw_environment());
  return base::Failure(base::Error::from_errno(errno, "run the daemon", program));
}

base::Result<int> daemon_status(Context& context, const Arguments&) {
  client::Client* client = HV_TRY(context.client());
  core::DaemonInfo info = HV_TRY(client->daemon());
  std::string socket = HV_TRY(context.paths()).socket;
  if (!context.json)
    return context.print(base::format("running: version {}, pid {}, socket {}\n", base::printable(info.version),
                                      info.pid, base::printable(socket)));
  base::json::Value value = wire::to_json(info);
  value.as_object()["socket"] = socket;
  return context.print_json(value);
}

// True when there was one. One that is only just starting is waited for, and so is the end of the process: nothing is
// written to its directories afterwards.
base::Result<bool> end_daemon(const client::Access& access) {
  auto starts = HV_TRY(client::hold_off_starts(access));
  if (!starts) return false;
  bool told = false;
  for (auto until = std::chrono::steady_clock::now() + kDaemonEnds; std::chrono::steady_clock::now() < until;) {
    // Asked once: behind a service manager's socket the next connection would start another.
    if (!told) {
      auto client = client::Client::connect(access);
      if (!client && client.error().code() != base::ErrorCode::unavailable)
        return base::Failure(std::move(client).error());
      if (client) HV_TRY(client->shut_down());
      told = client.has_value();
    }
    if (!client::daemon_lives(access)) return told;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return base::Failure(base::Error(base::ErrorCode::timeout, "the daemon was told to stop and has not ended")
                           .with_hint("its state: hydravisor daemon status"));
}

base::Result<int> daemon_stop(Context& context, const Arguments&) {
  client::Access access{
      .socket = HV_TRY(context.paths()).socket, .program = "", .environment = {}, .token = HV_TRY(context.token())};
  bool running = HV_TRY(end_daemon(access));
  if (context.json) return context.print_json(base::json::Object{{"stopped", running}});
  return context.print(running ? "stopped; sandboxes go on\n" : "not running\n");
}

base::Result<int> version(Context& context, const Arguments&) {
  const BuildInfo& build = build_info();
  if (context.json)
    return context.print_json(base::json::Object{{"version", base::kVersion},
                                                 {"commit", build.commit},
                                                 {"compiler", build.compiler},
                                                 {"build_type", build.build_type}});
  return context.print(base::format("hydravisor {}\n", base::kVersion));
}

}  // namespace

constexpr Command kProbe = {
    .name = "probe",
    .summary = "Try to break out of a sandbox",
    .description =
        "Tries known ways out from inside the sandbox NAME and says for each whether it held and whether the try was "
        "recorded. With "
        "--control it is done in a twin that lacks one layer, to show that the probe would notice. With --sign it is "
        "done in a twin in which nothing else runs, and the verdict on every try becomes a record of the ledger: a "
        "proof of containment, which policies can ask for.",
    .options = kProbeOptions,
    .arguments = kName,
    .example =
        "hydravisor probe web\nhydravisor probe web --control seccomp\nhydravisor probe web --sign\nhydravisor "
        "probe --last",
    .exit_codes = kProbeCodes,
    .run = probe,
};

constexpr Command kDoctor = {
    .name = "doctor",
    .summary = "Check what this machine can do",
    .description =
        "Checks what sandboxes need from this machine, and names the command that puts right what is missing. Names "
        "what "
        "killed processes left behind, and takes it away with --reap: never what a sandbox that lives uses.",
    .options = kDoctorOptions,
    .arguments = {},
    .example = "hydravisor doctor\nhydravisor doctor --reap",
    .exit_codes = kDoctorCodes,
    .run = doctor,
};

constexpr Command kDaemonRun = {
    .name = "daemon run",
    .summary = "Run the daemon in the foreground",
    .description =
        "Runs the daemon here, for a service manager. Without it, the daemon is started when a command needs it.",
    .options = {},
    .arguments = {},
    .example = "hydravisor daemon run",
    .exit_codes = {},
    .run = daemon_run,
};

constexpr Command kDaemonStatus = {
    .name = "daemon status",
    .summary = "Show the daemon's version and pid",
    .description = "Shows the daemon that answers, which is started when there is none.",
    .options = {},
    .arguments = {},
    .example = "hydravisor daemon status --json",
    .exit_codes = {},
    .run = daemon_status,
};

constexpr Command kDaemonStop = {
    .name = "daemon stop",
    .summary = "Stop the daemon; sandboxes go on",
    .description = "Stops the daemon. Sandboxes go on and are found again by the next one.",
    .options = {},
    .arguments = {},
    .example = "hydravisor daemon stop",
    .exit_codes = {},
    .run = daemon_stop,
};

constexpr Command kVersionCommand = {
    .name = "version",
    .summary = "Print the version",
    .description =
        "Prints the version of this program, with --json also the commit, the compiler and the kind of build; "
        "`hydravisor daemon status` has the daemon's. `hydravisor --version` is the same.",
    .options = {},
    .arguments = {},
    .example = "hydravisor version",
    .exit_codes = {},
    .run = version,
};

}  // namespace hv::cli
