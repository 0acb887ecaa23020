// start, stop, kill, pause, resume, rm, rename, wait: one step of a sandbox's life each.
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/values.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::sandboxes}};
constexpr Argument kNames[] = {{.name = "NAME", .most = kAnyNumber, .completion = Completion::sandboxes}};
constexpr Argument kTwoNames[] = {{.name = "NAME", .completion = Completion::sandboxes}, {.name = "NEW"}};

constexpr Argument kNameAndTime[] = {{.name = "NAME", .completion = Completion::sandboxes}, {.name = "TIME"}};

constexpr Option kStopOptions[] = {
    {.name = "grace",
     .letter = 'g',
     .value = "TIME",
     .help = "How long it may take after SIGTERM before it is killed; 10s when not given"},
};
constexpr Option kKillOptions[] = {
    {.name = "signal", .letter = 's', .value = "SIGNAL", .help = "Which signal; KILL when not given"},
};
constexpr Option kRemoveOptions[] = {
    {.name = "force", .letter = 'f', .help = "Stop it first, and drop the changes that were not applied"},
};
constexpr ExitCode kWaitCodes[] = {{"N", "the exit code of the sandbox's command; 128+N when signal N killed it"}};

// Does `step` for every name, says each name that is done, and goes on after a failure: the last one is the result.
template <typename Step>
base::Result<int> for_each_name(Context& context, const Arguments& arguments, Step step) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::SandboxInfo> done;
  std::string text;
  std::optional<base::Error> failure;
  for (const std::string& name : arguments.words()) {
    base::Result<core::SandboxInfo> info = step(*client, name);
    if (!info) {
      if (failure) context.report(*failure);
      failure = info.error();
      continue;
    }
    text += info->name + "\n";
    done.push_back(*std::move(info));
  }
  int code = kDone;
  if (!done.empty())
    code = HV_TRY(context.json ? context.print_json(wire::to_json(wire::List<core::SandboxInfo>{done}))
                               : context.print(text));
  if (failure) return base::Failure(*failure);
  return code;
}

base::Result<int> start(Context& context, const Arguments& arguments) {
  return for_each_name(context, arguments,
                       [](client::Client& client, const std::string& name) { return client.start(name); });
}

base::Result<int> pause(Context& context, const Arguments& arguments) {
  return for_each_name(context, arguments,
                       [](client::Client& client, const std::string& name) { return client.pause(name); });
}

base::Result<int> resume(Context& context, const Arguments& arguments) {
  return for_each_name(context, arguments,
                       [](client::Client& client, const std::string& name) { return client.resume(name); });
}

base::Result<int> stop(Context& context, const Arguments& arguments) {
  core::StopRequest request;
  if (auto text = arguments.value("grace"))
    request.grace_ms =
        static_cast<uint64_t>(HV_TRY_CONTEXT(context.usage(base::parse_duration(*text)), "--grace").count());
  return for_each_name(context, arguments,
                       [&](client::Client& client, const std::string& name) { return client.stop(name, request); });
}

base::Result<int> extend(Context& context, const Arguments& arguments) {
  core::ExtendRequest request{.millis = HV_TRY(context.usage(parse_time_limit("TIME", arguments.word(1))))};
  client::Client* client = HV_TRY(context.client());
  core::SandboxInfo info = HV_TRY(client->extend(arguments.word(0), request));
  return context.json ? context.print_json(wire::to_json(info)) : context.print(info.name + "\n");
}

base::Result<int> kill(Context& context, const Arguments& arguments) {
  core::KillRequest request;
  if (auto text = arguments.value("signal")) request.signal = HV_TRY(context.usage(parse_signal(*text)));
  return for_each_name(context, arguments,
                       [&](client::Client& client, const std::string& name) -> base::Result<core::SandboxInfo> {
                         HV_TRY(client.kill(name, request));
                         return client.inspect(name);
                       });
}

base::Result<int> remove(Context& context, const Arguments& arguments) {
  return for_each_name(context, arguments,
                       [&](client::Client& client, const std::string& name) -> base::Result<core::SandboxInfo> {
                         core::SandboxInfo info = HV_TRY(client.inspect(name));
                         HV_TRY(client.remove(name, arguments.has("force")));
                         info.state = core::SandboxState::removed;
                         return info;
                       });
}

base::Result<int> rename(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::SandboxInfo info = HV_TRY(client->rename(arguments.word(0), {.name = arguments.word(1)}));
  return context.json ? context.print_json(wire::to_json(info)) : context.print(info.name + "\n");
}

base::Result<int> wait(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::Outcome outcome = HV_TRY(client->wait(arguments.word(0)));
  if (context.json) {
    if (int code = HV_TRY(context.print_json(wire::to_json(outcome))); code != kDone) return code;
  } else if (outcome.kind != core::Outcome::Kind::exited) {
    std::string detail = outcome.detail.empty() ? "" : ": " + base::printable(outcome.detail);
    context.note(
        base::format("hydravisor: '{}' ended: {}{}", arguments.word(0), core::outcome_name(outcome.kind), detail));
  }
  return outcome.exit_code();
}

}  // namespace

constexpr Command kStart = {
    .name = "start",
    .summary = "Start a sandbox that is created or stopped",
    .description = "Starts each sandbox named, with the command it was made with. Its files are as they were left.",
    .options = {},
    .arguments = kNames,
    .example = "hydravisor start web",
    .exit_codes = {},
    .run = start,
};

constexpr Command kStop = {
    .name = "stop",
    .summary = "Stop a sandbox; its files stay",
    .description =
        "Asks each sandbox named to end (SIGTERM to its command), and kills it when the grace time is over. Its "
        "changes stay.",
    .options = kStopOptions,
    .arguments = kNames,
    .example = "hydravisor stop web --grace 30s",
    .exit_codes = {},
    .run = stop,
};

constexpr Command kExtend = {
    .name = "extend",
    .summary = "Give a sandbox more time",
    .description =
        "Ends the sandbox NAME by TIME later than its wall time would, and not for idleness before TIME is over. Also "
        "after the warning. Only for a sandbox with --wall or --idle, by option or policy.",
    .options = {},
    .arguments = kNameAndTime,
    .example = "hydravisor extend web 30m",
    .exit_codes = {},
    .run = extend,
};

constexpr Command kKill = {
    .name = "kill",
    .summary = "Send a signal to a sandbox's command",
    .description = "Sends a signal to the main command of each sandbox named.",
    .options = kKillOptions,
    .arguments = kNames,
    .example = "hydravisor kill --signal INT web",
    .exit_codes = {},
    .run = kill,
};

constexpr Command kPause = {
    .name = "pause",
    .summary = "Freeze a sandbox's processes",
    .description = "Freezes every process of each sandbox named where it stands.",
    .options = {},
    .arguments = kNames,
    .example = "hydravisor pause web",
    .exit_codes = {},
    .run = pause,
};

constexpr Command kResume = {
    .name = "resume",
    .summary = "Let a paused sandbox go on",
    .description = "Lets each paused sandbox named go on.",
    .options = {},
    .arguments = kNames,
    .example = "hydravisor resume web",
    .exit_codes = {},
    .run = resume,
};

constexpr Command kRemove = {
    .name = "rm",
    .summary = "Remove a sandbox",
    .description =
        "Removes each sandbox named. One that runs, or that holds changes which were not applied, is removed only with "
        "--force. "
        "Homes stay; `hydravisor home rm` removes them.",
    .options = kRemoveOptions,
    .arguments = kNames,
    .example = "hydravisor rm web",
    .exit_codes = {},
    .run = remove,
};

constexpr Command kRename = {
    .name = "rename",
    .summary = "Give a sandbox another name",
    .description = "Calls the sandbox NAME from now on NEW. Its id stays.",
    .options = {},
    .arguments = kTwoNames,
    .example = "hydravisor rename quiet-otter-417 web",
    .exit_codes = {},
    .run = rename,
};

constexpr Command kWait = {
    .name = "wait",
    .summary = "Wait until a sandbox's command has ended",
    .description =
        "Waits until the main command of the sandbox NAME has ended, at once when it has, and exits with its status.",
    .options = {},
    .arguments = kName,
    .example = "hydravisor wait web",
    .exit_codes = kWaitCodes,
    .passes_status = true,
    .run = wait,
};

}  // namespace hv::cli
