// policy check, explain, diff, simulate, learn: what a policy means.
#include <map>

#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/daemon_program.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "cli/record_file.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::policies}};
constexpr Argument kTwo[] = {{.name = "A", .completion = Completion::policies},
                             {.name = "B", .completion = Completion::policies}};
constexpr Argument kSandbox[] = {{.name = "NAME", .completion = Completion::sandboxes}};
constexpr Argument kQuestion[] = {{.name = "NAME", .completion = Completion::policies},
                                  {.name = "QUESTION", .least = 2, .most = kAnyNumber}};

constexpr Option kCheckOptions[] = {
    {.name = "workspace-dir",
     .value = "DIR",
     .help = "The workspace that the question is about; the current directory when not given",
     .completion = Completion::directories},
};
constexpr Option kSimulateOptions[] = {
    {.name = "from",
     .value = "WHAT",
     .help = "The sandbox whose records are judged, also one that is gone; `ledger` for all there are; or a file that "
             "`audit export` wrote, as jsonl or bundle: a name with a '/' or a '.'",
     .completion = Completion::sandboxes},
};
constexpr Option kLearnOptions[] = {
    {.name = "as", .value = "POLICY", .help = "What to call the policy; the sandbox's name when not given"},
    {.name = "save", .help = "Write it among your policies instead of printing it"},
    {.name = "replace", .help = "With --save: write over a policy of yours with that name"},
};
constexpr ExitCode kCheckCodes[] = {{.code = "1", .meaning = "it is not allowed"}};
constexpr ExitCode kSimulateCodes[] = {
    {.code = "1", .meaning = "something would have been denied, or a rule of behavior would have fired"}};

std::string answer_text(const core::PolicyAnswer& answer) {
  std::string rule = answer.rule.empty() ? answer.key : base::format("{} {}", answer.key, answer.rule);
  std::string from = answer.origin == "default" ? "" : base::format(" ({})", answer.origin);
  std::string kept = answer.key == "sandbox" ? "" : base::format("; kept by: {}, {}", answer.keeper, answer.by);
  return base::printable(
      base::format("{}: {}{}: {}{}", core::name_of(answer.verdict), rule, from, answer.reason, kept));
}

base::Result<int> check(Context& context, const Arguments& arguments) {
  core::Caller caller = HV_TRY(context.caller());
  core::PolicyQuestion question;
  question.question.assign(arguments.words().begin() + 1, arguments.words().end());
  std::string workspace = arguments.value("workspace-dir").value_or(caller.directory);
  question.workspace = workspace.starts_with('/') ? workspace : caller.directory + "/" + workspace;
  question.home = caller.home;
  // A path as it is typed: below the current directory.
  std::string& kind = question.question[0];
  if (kind == "read" || kind == "write" || kind == "exec") {
    std::string& path = question.question[1];
    if (!path.starts_with('/') && !path.starts_with("~/")) path = caller.directory + "/" + path;
  }
  client::Client* client = HV_TRY(context.client());
  core::PolicyAnswer answer = HV_TRY(client->ask_policy(arguments.word(0), question));
  int code = answer.verdict == core::Verdict::allow ? kDone : 1;
  int printed =
      HV_TRY(context.json ? context.print_json(wire::to_json(answer)) : context.print(answer_text(answer) + "\n"));
  return printed == kDone ? code : printed;
}

base::Result<int> explain(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::PolicyExplanation policy = HV_TRY(client->explain_policy(arguments.word(0)));
  if (context.json) return context.print_json(wire::to_json(policy));
  std::string text = base::format("{}: {}\n\n", base::printable(policy.name), base::printable(policy.description));
  Table table({"RULE", "VALUE", "FROM", "KEPT BY"});
  for (const core::PolicyRuleInfo& rule : policy.rules)
    table.add({rule.key, rule.value, rule.origin, base::format("{}: {}", rule.keeper, rule.by)});
  text += table.render(context.table_width());
  std::string last;
  std::string words;
  for (const core::PolicyRuleInfo& rule : policy.rules)
    if (!rule.not_covered.empty() && rule.key != std::exchange(last, rule.key))
      words += wrap(base::format("{}: {}", rule.key, rule.not_covered), context.width(), 4, 2) + "\n";
  if (!words.empty()) text += "\nNot covered:\n" + words;
  for (const std::string& warning : policy.warnings) text += "\nwarning: " + base::printable(warning) + "\n";
  return context.print(text);
}

base::Result<int> diff(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  core::PolicyDiff diff = HV_TRY(client->diff_policies(arguments.word(0), arguments.word(1)));
  if (context.json) return context.print_json(wire::to_json(diff));
  std::string text;
  for (auto [effect, title] : {std::pair{core::PolicyEffect::allows, "allows more"},
                               {core::PolicyEffect::denies, "allows less"},
                               {core::PolicyEffect::changes, "says otherwise"},
                               {core::PolicyEffect::records, "records more"},
                               {core::PolicyEffect::omits, "records less"}}) {
    std::string lines;
    for (const core::PolicyDifference& each : diff.items) {
      if (each.effect != effect) continue;
      std::string change = each.before.empty()  ? base::format("adds {}", each.after)
                           : each.after.empty() ? base::format("leaves out {}", each.before)
                                                : base::format("{} instead of {}", each.after, each.before);
      lines += base::printable(base::format("  {}: {}", each.key, change)) + "\n";
    }
    if (!lines.empty()) text += base::format("{} {} than {}:\n{}", diff.after, title, diff.before, lines);
  }
  if (text.empty()) text = base::format("{} and {} allow and record the same\n", diff.before, diff.after);
  return context.print(text);
}

// The records of a file in parts that a request can hold, each with the starts that its sandboxes had before.
base::Result<core::PolicySimulation> simulate_file(Context& context, const std::string& policy,
                                                   const std::string& path) {
  RecordFile file = HV_TRY(RecordFile::open(path));
  if (file.is_bundle()) {
    std::string checked =
        HV_TRY_CONTEXT(ask_program(context, {"--check-bundle", path}), "check " + base::printable(path));
    auto report = HV_TRY(wire::parse<core::VerifyReport>(checked));
    if (!report.intact)
      return base::Failure(
          base::invalid_argument(base::format("{} is not as it was sealed", base::printable(path)))
              .with_hint("hydravisor audit check " + base::shell_quote(path) + " lists what is wrong"));
  }
  client::Client* client = HV_TRY(context.client());
  constexpr size_t kMostBytes = size_t{2} << 20;
  constexpr size_t kMostListed = 200;
  core::PolicySimulation whole;
  std::map<std::string, core::AuditRecord> starts;  // by sandbox, the last
  bool is_complete = false;
  while (!is_complete) {
    core::PolicySimulateRequest request;
    request.records.emplace();
    for (size_t bytes = 0; bytes < kMostBytes && !is_complete;) {
      std::optional<core::AuditRecord> record = HV_TRY(file.next());
      is_complete = !record;
      if (!record) break;
      if (auto known = starts.find(record->event.sandbox); known != starts.end()) {
        bytes += wire::to_text(known->second).size();
        request.starts.push_back(std::move(known->second));
        starts.erase(known);
      }
      bytes += wire::to_text(*record).size();
      request.records->push_back(*std::move(record));
    }
    core::PolicySimulation part = HV_TRY(client->simulate_policy(policy, request));
    whole.policy = part.policy;
    whole.records += part.records;
    whole.asked += part.asked;
    whole.denied_count += part.denied_count;
    for (core::PolicyDenial& denial : part.denied)
      if (whole.denied.size() < kMostListed) whole.denied.push_back(std::move(denial));
    whole.fired_count += part.fired_count;
    for (core::PolicyFiring& firing : part.fired)
      if (whole.fired.size() < kMostListed) whole.fired.push_back(std::move(firing));
    for (auto* list : {&request.starts, &*request.records})
      for (core::AuditRecord& record : *list)
        if (record.event.kind == "sandbox.starting") {
          std::string sandbox = record.event.sandbox;
          starts.insert_or_assign(std::move(sandbox), std::move(record));
        }
  }
  return whole;
}

base::Result<int> simulate(Context& context, const Arguments& arguments) {
  core::PolicySimulateRequest request;
  std::string from = arguments.value("from").value_or("");
  if (from.empty())
    return context.usage(base::Result<int>(
        base::Failure(base::invalid_argument("expected --from SANDBOX, --from FILE, or --from ledger"))));
  if (from != "ledger") request.sandbox = from;
  // No sandbox is called so.
  bool is_file = from.find_first_of("/.") != std::string::npos;
  core::PolicySimulation result;
  if (is_file) {
    result = HV_TRY(simulate_file(context, arguments.word(0), from));
  } else {
    client::Client* client = HV_TRY(context.client());
    result = HV_TRY(client->simulate_policy(arguments.word(0), request));
  }
  int code = result.denied_count == 0 && result.fired_count == 0 ? kDone : 1;
  if (context.json) {
    int printed = HV_TRY(context.print_json(wire::to_json(result)));
    return printed == kDone ? code : printed;
  }
  std::string text = base::format("{} would have denied {} of {}\n", base::printable(result.policy),
                                  result.denied_count, result.asked);
  for (const core::PolicyDenial& denial : result.denied)
    text += base::format("  record {}: {}: {}\n", denial.index, base::printable(denial.answer.question),
                         answer_text(denial.answer));
  if (result.denied_count > result.denied.size())
    text += base::format("  and {} more\n", result.denied_count - result.denied.size());
  if (result.fired_count != 0)
    text += base::format("{} would have fired {} of behavior:\n", base::printable(result.policy),
                         result.fired_count == 1 ? "a rule" : base::format("rules {} times", result.fired_count));
  for (const core::PolicyFiring& firing : result.fired)
    text += base::format("  record {}: {} ({}): {}{}{}\n", firing.index, base::printable(firing.rule),
                         base::printable(firing.origin), firing.response, firing.dry_run ? ", dry run" : "",
                         firing.value.empty() ? firing.amount == 0 ? "" : base::format(", {}", firing.amount)
                                              : base::format(", {}", base::printable(firing.value)));
  if (result.fired_count > result.fired.size())
    text += base::format("  and {} more\n", result.fired_count - result.fired.size());
  int printed = HV_TRY(context.print(text));
  return printed == kDone ? code : printed;
}

base::Result<int> learn(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  const std::string& sandbox = arguments.word(0);
  core::PolicyLearned learned = HV_TRY(client->learn_policy(sandbox, {arguments.value("as").value_or(sandbox)}));
  if (arguments.has("save")) {
    core::PolicyInfo written = HV_TRY(client->write_policy(learned.name, {learned.text, arguments.has("replace")}));
    if (context.json) return context.print_json(wire::to_json(written));
    return context.print(base::format("{}\n", base::printable(written.path)));
  }
  if (context.json) return context.print_json(wire::to_json(learned));
  return context.print(base::printable_lines(learned.text));
}

}  // namespace

constexpr Command kPolicyCheck = {
    .name = "policy check",
    .summary = "Ask what a policy says to one thing",
    .description =
        "Says whether the policy NAME allows something, by which rule, where that is written, and what keeps it. A "
        "QUESTION is one of: read PATH, write PATH, exec PATH, connect HOST[:PORT] [METHOD PATH], call NAME, variable "
        "NAME, limit NAME AMOUNT.",
    .options = kCheckOptions,
    .arguments = kQuestion,
    .example =
        "hydravisor policy check restricted connect example.org:443\n"
        "hydravisor policy check locked write src/main.c",
    .exit_codes = kCheckCodes,
    .run = check,
};

constexpr Command kPolicyExplain = {
    .name = "policy explain",
    .summary = "What a policy says, from where, and what keeps it",
    .description =
        "Lists every rule of the policy NAME with the file and line that it comes from and with what keeps it on this "
        "machine: the kernel, the gateway, the supervisor, the start, or nobody. Below stands what that does not "
        "cover.",
    .options = {},
    .arguments = kName,
    .example = "hydravisor policy explain standard",
    .exit_codes = {},
    .run = explain,
};

constexpr Command kPolicyDiff = {
    .name = "policy diff",
    .summary = "What another policy allows and denies instead",
    .description =
        "Lists what the policy B allows that A does not, what it denies that A allows, and what of the record it "
        "leaves "
        "out or keeps.",
    .options = {},
    .arguments = kTwo,
    .example = "hydravisor policy diff restricted standard",
    .exit_codes = {},
    .run = diff,
};

constexpr Command kPolicySimulate = {
    .name = "policy simulate",
    .summary = "What a policy would have denied of what happened",
    .description =
        "Judges by the policy NAME what the ledger recorded: programs that were started, connections and requests, "
        "ports of the host. Lists what would have been denied, and by which rule, and which rules of behavior would "
        "have "
        "fired. What was refused then is not judged again. With a file the records can be of another machine; a bundle "
        "is checked first. Rules of behavior look at a long file in parts of 2 MiB, each by itself.",
    .options = kSimulateOptions,
    .arguments = kName,
    .example =
        "hydravisor policy simulate locked --from web\n"
        "hydravisor policy simulate locked --from ./day.jsonl",
    .exit_codes = kSimulateCodes,
    .run = simulate,
};

constexpr Command kPolicyLearn = {
    .name = "policy learn",
    .summary = "The least policy that a recorded run needed",
    .description =
        "Prints a policy that allows what the sandbox NAME did and no more, each rule with the record that asked for "
        "it. "
        "Limits, variables and the workspace are those that it ran under. Read it before you use it: an agent that "
        "misbehaved is learned from just as well.",
    .options = kLearnOptions,
    .arguments = kSandbox,
    .example = "hydravisor policy learn web --as web-least --save",
    .exit_codes = {},
    .run = learn,
};

}  // namespace hv::cli
