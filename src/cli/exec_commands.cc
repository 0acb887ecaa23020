// exec: another command in a sandbox that runs. attach: back to the terminal of its main command.
#include <unistd.h>

#include "base/format.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/session.h"
#include "cli/values.h"
#include "client/client.h"
#include "terminal/window.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::sandboxes}};

constexpr Option kExecOptions[] = {
    {.name = "terminal",
     .letter = 't',
     .help = "Give the command a terminal; the default when input and output are one"},
    {.name = "no-terminal", .letter = 'T', .help = "Give it three separate streams"},
    {.name = "interactive", .letter = 'i', .help = "Does nothing: input is always passed on", .hidden = true},
    {.name = "env",
     .letter = 'e',
     .value = "K[=V]",
     .help = "A variable for the command; without a value, yours",
     .repeatable = true},
    {.name = "directory",
     .letter = 'C',
     .value = "DIR",
     .help = "Where to start it inside; the workspace when not given"},
    {.name = "detach-keys", .value = "KEYS", .help = "What to type to leave it running; ctrl-p,ctrl-q when not given"},
};
constexpr Option kAttachOptions[] = {
    {.name = "detach-keys", .value = "KEYS", .help = "What to type to leave it running; ctrl-p,ctrl-q when not given"},
};
constexpr ExitCode kSessionCodes[] = {
    {"N", "the command's own exit code; 0 after the detach keys"},
    {"128+N", "the command was killed by signal N"},
    {"126, 127", "the command is not executable, is not found inside"},
};

std::optional<core::WindowSize> size_if(bool terminal) {
  if (!terminal) return std::nullopt;
  terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
  return core::WindowSize{.rows = size.rows, .columns = size.columns};
}

base::Result<terminal::DetachKeys> keys_of(Context& context, const Arguments& arguments) {
  return context.usage(terminal::DetachKeys::parse(arguments.value("detach-keys").value_or("ctrl-p,ctrl-q")));
}

base::Result<int> finish(Context& context, client::Stream stream, SessionOptions options) {
  std::string sandbox = stream.sandbox();
  SessionEnd end = HV_TRY(run_session(std::move(stream), std::move(options)));
  if (end.detached) context.note(base::format("\nhydravisor: left '{}' running", sandbox));
  if (context.json)
    context.note(base::json::serialize(
        base::json::Object{{"sandbox", sandbox}, {"status", end.status}, {"detached", end.detached}}));
  return end.detached ? kDone : end.status;
}

base::Result<int> exec(Context& context, const Arguments& arguments) {
  core::ExecRequest request;
  request.command = arguments.trailing();
  request.directory = arguments.value("directory").value_or("");
  request.caller = HV_TRY(context.caller());
  for (const std::string& text : arguments.values("env"))
    request.environment.push_back(HV_TRY(context.usage(parse_variable(text, request.caller.environment))));
  auto keys = HV_TRY(keys_of(context, arguments));
  bool input_is_terminal = terminal::is_terminal(STDIN_FILENO);
  bool terminal =
      arguments.has("terminal") || (!arguments.has("no-terminal") && input_is_terminal && context.output_is_terminal());
  if (terminal && !input_is_terminal)
    return context.usage<int>(base::Failure(base::invalid_argument("--terminal: standard input is no terminal")
                                                .with_hint("leave --terminal out to pass the three streams through")));
  request.terminal = size_if(terminal);
  client::Client* client = HV_TRY(context.client());
  client::Stream stream = HV_TRY(client->exec(arguments.word(0), request));
  return finish(context, std::move(stream), {.terminal = terminal, .detach_keys = std::move(keys)});
}

base::Result<int> attach(Context& context, const Arguments& arguments) {
  auto keys = HV_TRY(keys_of(context, arguments));
  bool terminal = terminal::is_terminal(STDIN_FILENO) && context.output_is_terminal();
  client::Client* client = HV_TRY(context.client());
  client::Stream stream = HV_TRY(client->attach(arguments.word(0), {.terminal = size_if(terminal)}));
  return finish(context, std::move(stream), {.terminal = terminal, .detach_keys = std::move(keys)});
}

}  // namespace

constexpr Command kExec = {
    .name = "exec",
    .summary = "Run another command in a running sandbox",
    .description = "Runs COMMAND in the sandbox NAME, under the same isolation and record as its main command.",
    .options = kExecOptions,
    .arguments = kName,
    .trailing = Trailing::required_command,
    .example = "hydravisor exec web -- npm test\nhydravisor exec -t web bash",
    .exit_codes = kSessionCodes,
    .passes_status = true,
    .run = exec,
};

constexpr Command kAttach = {
    .name = "attach",
    .summary = "Go back to the terminal of a sandbox's command",
    .description =
        "Connects this terminal to the main command of the sandbox NAME. The detach keys leave it running. What would "
        "act on "
        "your terminal from inside (clipboard, title, reports) is filtered out.",
    .options = kAttachOptions,
    .arguments = kName,
    .example = "hydravisor attach web",
    .exit_codes = kSessionCodes,
    .passes_status = true,
    .run = attach,
};

}  // namespace hv::cli
