// diff, apply, discard, undo, sync: what a sandbox changed, and what becomes of it.
#include <unistd.h>
#include <string>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/change_view.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/hunk_picker.h"
#include "client/client.h"
#include "terminal/window.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::sandboxes}};
constexpr Argument kNameAndPaths[] = {
    {.name = "NAME", .completion = Completion::sandboxes},
    {.name = "PATH", .least = 0, .most = kAnyNumber, .completion = Completion::files}};

constexpr Option kDiffOptions[] = {
    {.name = "stat", .letter = 's', .help = "One line a file, and the sum"},
    {.name = "name-only", .help = "Only the paths"},
    {.name = "color", .value = "WHEN", .help = "auto (the default), always or never"},
    {.name = "exit-code", .help = "Exit with 1 when there are changes"},
};
constexpr ExitCode kDiffCodes[] = {{"0", "done"}, {"1", "with --exit-code: there are changes"}};

constexpr Option kApplyOptions[] = {
    {.name = "interactive", .letter = 'i', .help = "Show each hunk and ask"},
    {.name = "dry-run", .help = "Say what would be done, and do nothing"},
    {.name = "accept",
     .value = "PATH",
     .help = "Apply this file although the host runs it by itself",
     .repeatable = true,
     .completion = Completion::files},
    {.name = "force", .help = "Also over what changed on the host meanwhile"},
    {.name = "digest", .value = "DIGEST", .help = "Only if the changes still are those that diff showed with it"},
};
constexpr ExitCode kApplyCodes[] = {
    {"0", "done; files held back are named and do not count"},
    {"1", "a file changed on the host meanwhile and was left alone, or all were held back"}};
constexpr ExitCode kConflictCodes[] = {{"0", "done"},
                                       {"1", "some files were left alone because both sides changed them"}};

// Paths are meant relative to the workspace, as diff prints them.
std::vector<std::string> paths_of(const Arguments& arguments) {
  return {arguments.words().begin() + 1, arguments.words().end()};
}

base::Result<bool> use_colour(Context& context, const Arguments& arguments) {
  std::string when = arguments.value("color").value_or("auto");
  if (when == "auto") return context.may_colour();
  if (when == "always" || when == "never") return when == "always";
  return context.usage<bool>(base::Failure(
      base::invalid_argument(base::format("--color: '{}' is none of auto, always, never", base::printable(when)))));
}

base::Result<int> diff(Context& context, const Arguments& arguments) {
  bool colour = HV_TRY(use_colour(context, arguments));
  bool short_form = arguments.has("stat") || arguments.has("name-only");
  client::Client* client = HV_TRY(context.client());
  core::ChangeReport report =
      HV_TRY(client->diff(arguments.word(0), {.paths = paths_of(arguments), .statistics_only = short_form}));
  bool changed = !report.files.empty() || !report.refs.empty();
  bool exact = !context.output_is_terminal();
  int code = HV_TRY(context.json                 ? context.print_json(wire::to_json(report))
                    : arguments.has("name-only") ? context.print(name_text(report, exact))
                    : arguments.has("stat") ? context.print(stat_text(report, context.table_width()))
                                            : context.print(diff_text(report, {.colour = colour, .exact = exact})));
  return code == kDone && changed && arguments.has("exit-code") ? kNo : code;
}

// One line from standard input, a byte at a time: what follows it belongs to the next question.
std::optional<char> read_answer() {
  std::string line;
  char c = 0;
  while (true) {
    ssize_t count = ::read(STDIN_FILENO, &c, 1);
    if (count <= 0) return std::nullopt;
    if (c == '\n') return line.empty() ? '?' : line[0];
    line.push_back(c);
  }
}

base::Result<std::optional<core::ApplyRequest>> ask_user(Context& context, client::Client& client,
                                                         const Arguments& arguments) {
  if (!terminal::is_terminal(STDIN_FILENO) || !context.output_is_terminal() || context.json)
    return context.usage<std::optional<core::ApplyRequest>>(
        base::Failure(base::invalid_argument("--interactive needs a terminal")
                          .with_hint("name the paths instead: hydravisor apply NAME PATH...")));
  core::ChangeReport report =
      HV_TRY(client.diff(arguments.word(0), {.paths = paths_of(arguments), .statistics_only = false}));
  Dialogue dialogue{.show = [&](std::string_view text) { static_cast<void>(context.print(text)); },
                    .ask =
                        [&](std::string_view question) {
                          static_cast<void>(context.print(question));
                          return read_answer();
                        }};
  std::optional<core::ApplyRequest> chosen =
      pick_hunks(report, {.colour = context.may_colour(), .exact = false}, dialogue);
  // What was not shown does not go: the sandbox may run on while the questions are answered.
  if (chosen) chosen->digest = report.digest, chosen->reviewed = paths_of(arguments);
  return chosen;
}

base::Result<int> apply(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::ApplyRequest request{.paths = paths_of(arguments), .accept = {}, .hunks = {}};
  if (arguments.has("interactive")) {
    auto chosen = HV_TRY(ask_user(context, *client, arguments));
    if (!chosen) return context.print("nothing chosen, nothing applied\n");
    request = *std::move(chosen);
  }
  for (std::string& path : arguments.values("accept")) request.accept.push_back(std::move(path));
  request.dry_run = arguments.has("dry-run");
  request.force = arguments.has("force");
  if (auto digest = arguments.value("digest")) request.digest = *digest;
  core::ApplyReport report = HV_TRY(client->apply(arguments.word(0), request));
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report))
                                 : context.print(apply_text(report, arguments.word(0), !request.digest.empty())));
  bool nothing_but_held = report.applied.empty() && report.refs.empty() && !report.held.empty();
  return code == kDone && (nothing_but_held || !report.conflicts.empty()) ? kNo : code;
}

base::Result<int> finish(Context& context, const core::PathsReport& report, std::string_view verb) {
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report)) : context.print(paths_text(report, verb)));
  return code == kDone && !report.conflicts.empty() ? kNo : code;
}

base::Result<int> discard(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  return finish(context, HV_TRY(client->discard(arguments.word(0), {.paths = paths_of(arguments)})), "discarded");
}

base::Result<int> undo(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  return finish(context, HV_TRY(client->undo(arguments.word(0))), "restored");
}

base::Result<int> sync(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  return finish(context, HV_TRY(client->sync(arguments.word(0))), "brought in");
}

}  // namespace

constexpr Command kDiff = {
    .name = "diff",
    .summary = "Show what a sandbox changed in your project",
    .description =
        "Shows how the workspace of the sandbox NAME differs from your files, as a patch. Files that your machine "
        "would run by "
        "itself (git hooks, editor tasks, .envrc) are named first: apply holds them back.",
    .options = kDiffOptions,
    .arguments = kNameAndPaths,
    .example = "hydravisor diff web --stat\nhydravisor diff web src/main.py",
    .exit_codes = kDiffCodes,
    .run = diff,
};

constexpr Command kApply = {
    .name = "apply",
    .summary = "Bring a sandbox's changes into your files",
    .description =
        "Brings the changes of the sandbox NAME, or those of them that are named, into your files. A file that changed "
        "on the host "
        "meanwhile is refused; one that your machine would run by itself is held back until it is accepted by its "
        "path.",
    .options = kApplyOptions,
    .arguments = kNameAndPaths,
    .example = "hydravisor apply web src/\nhydravisor apply web --interactive",
    .exit_codes = kApplyCodes,
    .run = apply,
};

constexpr Command kDiscard = {
    .name = "discard",
    .summary = "Forget a sandbox's changes",
    .description =
        "Forgets the changes of the sandbox NAME, or those of them that are named. Your files are not touched.",
    .options = {},
    .arguments = kNameAndPaths,
    .example = "hydravisor discard web",
    .exit_codes = {},
    .run = discard,
};

constexpr Command kUndo = {
    .name = "undo",
    .summary = "Take back what was changed in your files",
    .description =
        "Puts your files back as they were before the last apply, or before a sandbox with a live workspace wrote "
        "them. A file "
        "that was changed since is left alone and named.",
    .options = {},
    .arguments = kName,
    .example = "hydravisor undo web",
    .exit_codes = kConflictCodes,
    .run = undo,
};

constexpr Command kSync = {
    .name = "sync",
    .summary = "Bring your own edits into a sandbox now",
    .description =
        "Brings what you changed in your files into the sandbox NAME, where it has not changed the same file, and "
        "names the files "
        "that both changed. A running sandbox does this by itself.",
    .options = {},
    .arguments = kName,
    .example = "hydravisor sync web",
    .exit_codes = kConflictCodes,
    .run = sync,
};

}  // namespace hv::cli
