// run: a command in a new sandbox. create: the sandbox alone.
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "cli/change_view.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/request_options.h"
#include "cli/session.h"
#include "client/client.h"
#include "terminal/window.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Option kRunOnly[] = {
    {.name = "terminal",
     .letter = 't',
     .help = "Give the command a terminal; the default when input and output are one"},
    {.name = "no-terminal", .letter = 'T', .help = "Give it three separate streams"},
    {.name = "detach", .letter = 'd', .help = "Start it, print its name and return"},
    {.name = "detach-keys", .value = "KEYS", .help = "What to type to leave it running; ctrl-p,ctrl-q when not given"},
    {.name = "keep", .letter = 'k', .help = "Keep the sandbox when the command has ended, also without changes"},
    {.name = "no-keep", .help = "Keep it for its changes only, although config.toml says keep"},
    {.name = "prove",
     .help = "First try known ways out in a sandbox of the same plan; start only when none leads out, and record it"},
};
constexpr auto kRunOptions = with_request_options(kRunOnly);

constexpr Option kCreateOnly[] = {
    {.name = "keep",
     .letter = 'k',
     .help = "Keep the sandbox when its command has ended; create always does",
     .hidden = true},
};
constexpr auto kCreateOptions = with_request_options(kCreateOnly);

constexpr ExitCode kRunCodes[] = {
    {"N", "the command's own exit code"},
    {"128+N", "the command was killed by signal N"},
    {"126, 127", "the command is not executable, is not found inside"},
};

// What is left in the sandbox, and the exact commands that go on with it. On standard error: the output belongs to the
// command.
base::Status tell_changes(Context& context, const std::string& sandbox) {
  client::Client* client = HV_TRY(context.client());
  core::ChangeReport report = HV_TRY(client->diff(sandbox, {.paths = {}, .statistics_only = true}));
  size_t width = context.error_is_terminal() ? terminal::window_size(STDERR_FILENO).columns : 80;
  context.note(leftover_text(report, sandbox, width));
  return {};
}

base::Result<int> finish_run(Context& context, const std::string& sandbox, const SessionEnd& end) {
  if (context.json)
    context.note(base::json::serialize(base::json::Object{
        {"sandbox", sandbox}, {"status", end.status}, {"detached", end.detached}, {"changed", end.changed}}));
  if (end.detached) {
    if (!context.json)
      context.note(base::format("\nhydravisor: left '{}' running; back to it: hydravisor attach {}", sandbox, sandbox));
    return kDone;
  }
  if (end.changed && !context.json)
    if (auto told = tell_changes(context, sandbox); !told)
      // The command's own status stays the answer; the changes are safe in the sandbox.
      context.report(std::move(told).error().with_context(base::format("list the changes in '{}'", sandbox)));
  return end.status;
}

base::Result<int> run(Context& context, const Arguments& arguments) {
  core::RunRequest request = HV_TRY(read_request(context, arguments));
  if (arguments.has("keep") && arguments.has("no-keep"))
    return context.usage<int>(base::Failure(base::invalid_argument("--keep and --no-keep contradict each other")));
  if (arguments.has("keep")) request.keep = true;
  if (arguments.has("no-keep")) request.keep = false;
  if (arguments.has("prove")) request.prove = true;
  if (arguments.has("terminal") && arguments.has("no-terminal"))
    return context.usage<int>(
        base::Failure(base::invalid_argument("--terminal and --no-terminal contradict each other")));
  auto keys =
      HV_TRY(context.usage(terminal::DetachKeys::parse(arguments.value("detach-keys").value_or("ctrl-p,ctrl-q"))));
  bool input_is_terminal = terminal::is_terminal(STDIN_FILENO);
  bool terminal =
      arguments.has("terminal") || (!arguments.has("no-terminal") && input_is_terminal && context.output_is_terminal());
  if (terminal && !arguments.has("detach") && !input_is_terminal)
    return context.usage<int>(base::Failure(base::invalid_argument("--terminal: standard input is no terminal")
                                                .with_hint("leave --terminal out to pass the three streams through")));
  if (terminal) {
    terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
    request.terminal = core::WindowSize{.rows = size.rows, .columns = size.columns};
  }
  client::Client* client = HV_TRY(context.client());
  if (arguments.has("detach")) {
    core::SandboxInfo info = HV_TRY(client->create(request, true));
    return context.json ? context.print_json(wire::to_json(info)) : context.print(info.name + "\n");
  }
  client::Stream stream = HV_TRY(client->run(request));
  std::string sandbox = stream.sandbox();
  SessionEnd end = HV_TRY(run_session(std::move(stream), {.terminal = terminal, .detach_keys = std::move(keys)}));
  return finish_run(context, sandbox, end);
}

base::Result<int> create(Context& context, const Arguments& arguments) {
  core::RunRequest request = HV_TRY(read_request(context, arguments));
  request.keep = true;
  client::Client* client = HV_TRY(context.client());
  core::SandboxInfo info = HV_TRY(client->create(request, false));
  return context.json ? context.print_json(wire::to_json(info)) : context.print(info.name + "\n");
}

}  // namespace

constexpr Command kRun = {
    .name = "run",
    .summary = "Run a command in a new sandbox",
    .description =
        "Runs COMMAND in a new sandbox with the current directory as its workspace, at the same path. What it changes "
        "there stays in the "
        "sandbox: when it ends, the changes are listed with the commands that show, apply or discard them, and the "
        "sandbox is kept until "
        "then; without changes it is removed. The first word that is no option begins the command.",
    .options = kRunOptions,
    .arguments = {},
    .trailing = Trailing::required_command,
    .example = "hydravisor run claude\nhydravisor run --policy locked -- make test\nhydravisor run --prove claude",
    .exit_codes = kRunCodes,
    .passes_status = true,
    .run = run,
};

constexpr Command kCreate = {
    .name = "create",
    .summary = "Make a sandbox without starting it",
    .description =
        "Makes a sandbox and prints its name. `hydravisor start` starts it with COMMAND; without a COMMAND it idles, "
        "ready for "
        "`hydravisor exec`.",
    .options = kCreateOptions,
    .arguments = {},
    .trailing = Trailing::optional_command,
    .example = "hydravisor create --name web -- npm run dev",
    .run = create,
};

}  // namespace hv::cli
