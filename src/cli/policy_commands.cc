// policy ls, show, new, validate: the files.
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/layout.h"
#include "cli/sandbox_view.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kName[] = {{.name = "NAME", .completion = Completion::policies}};
constexpr Argument kNewName[] = {{.name = "NAME"}};
constexpr Argument kFile[] = {{.name = "FILE", .completion = Completion::files}};

constexpr Option kShowOptions[] = {
    {.name = "effective", .help = "With all that it extends, and where each line comes from"},
};
constexpr Option kNewOptions[] = {
    {.name = "extends",
     .value = "NAME",
     .help = "The policy that it begins with; restricted when not given",
     .completion = Completion::policies},
    {.name = "file",
     .value = "FILE",
     .help = "Its text, instead of a commented beginning",
     .completion = Completion::files},
    {.name = "replace", .help = "Write over a policy of yours with that name"},
};
constexpr ExitCode kValidateCodes[] = {{.code = "1", .meaning = "it is not valid"}};

constexpr size_t kLargestFile = size_t{1} << 20;

base::Result<int> list(Context& context, const Arguments&) {
  client::Client* client = HV_TRY(context.client());
  std::vector<core::PolicyInfo> policies = HV_TRY(client->policies());
  if (context.json) return context.print_json(wire::to_json(wire::List<core::PolicyInfo>{std::move(policies)}));
  Table table({"NAME", "FROM", "DESCRIPTION"});
  for (const core::PolicyInfo& policy : policies)
    table.add({policy.name, std::string(core::name_of(policy.provenance)), policy.description});
  return context.print(table.render(context.table_width()));
}

base::Result<int> show(Context& context, const Arguments& arguments) {
  client::Client* client = HV_TRY(context.client());
  bool effective = arguments.has("effective");
  const std::string& name = arguments.word(0);
  core::PolicyInfo policy = HV_TRY(effective ? client->effective_policy(name) : client->policy(name));
  if (context.json) return context.print_json(wire::to_json(policy));
  std::string head = effective ? base::format("# {}, with all that it extends\n", base::printable(policy.name))
                               : base::format("# {}\n", base::printable(policy.path));
  for (const core::BehaviorRuleInfo& rule : policy.behavior.value_or(std::vector<core::BehaviorRuleInfo>()))
    head += base::format("# rule of behavior {}: {}; {}\n", base::printable(rule.name), base::printable(rule.watches),
                         response_text(rule));
  return context.print(head + base::printable_lines(policy.text));
}

// What stands in a new policy: valid as it is, and a reminder of what could be said.
std::string beginning(const std::string& name, const std::string& extends) {
  return base::format(
      "# Says what a sandbox may do. `hydravisor policy validate {0}` checks it, `hydravisor policy explain {0}` says "
      "what keeps each\n"
      "# rule. docs/policy.md has the whole language.\n"
      "version = 1\n"
      "name = \"{0}\"\n"
      "description = \"What it is for\"\n"
      "extends = [\"{1}\"]\n"
      "\n"
      "# [filesystem]\n"
      "# read = [\"/srv/models\"]         # shown read-only, at the same place\n"
      "# write = [\"~/.cache/ccache\"]    # the host's own files\n"
      "# hide = [\".env\", \"*.pem\"]       # shown empty, wherever they are\n"
      "\n"
      "# [network]\n"
      "# allow = [\"registry.example.org\", \"@git\"]\n"
      "\n"
      "# [exec]\n"
      "# deny = [\"curl\"]\n"
      "\n"
      "# [environment]\n"
      "# pass = [\"EDITOR\"]\n",
      name, extends);
}

base::Result<int> make(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.word(0);
  core::PolicyWriteRequest request;
  request.replace = arguments.has("replace");
  if (auto file = arguments.value("file")) {
    if (arguments.has("extends"))
      return context.usage(
          base::Result<int>(base::Failure(base::invalid_argument("--file and --extends contradict each other"))));
    request.text = HV_TRY_CONTEXT(base::read_file(*file, kLargestFile), *file);
  } else {
    request.text = beginning(name, arguments.value("extends").value_or("restricted"));
  }
  client::Client* client = HV_TRY(context.client());
  core::PolicyInfo policy = HV_TRY(client->write_policy(name, request));
  if (context.json) return context.print_json(wire::to_json(policy));
  return context.print(base::format("{}\n", base::printable(policy.path)));
}

base::Result<int> validate(Context& context, const Arguments& arguments) {
  const std::string& word = arguments.word(0);
  core::PolicyTextRequest request;
  std::string name = word;
  if (word.find('/') != std::string::npos || word.ends_with(".toml")) {
    request.text = HV_TRY_CONTEXT(base::read_file(word, kLargestFile), word);
    request.path = word;
    name = word.substr(word.rfind('/') + 1);
    name = name.substr(0, name.rfind(".toml"));
    if (name.empty()) name = "policy";
  }
  client::Client* client = HV_TRY(context.client());
  core::PolicyReport report = HV_TRY(client->validate_policy(name, request));
  int code = report.valid ? kDone : 1;
  if (context.json) {
    int printed = HV_TRY(context.print_json(wire::to_json(report)));
    return printed == kDone ? code : printed;
  }
  std::string text;
  for (const std::string& fault : report.faults) text += base::printable(fault) + "\n";
  for (const std::string& warning : report.warnings) text += "warning: " + base::printable(warning) + "\n";
  if (report.valid && report.warnings.empty()) text = base::format("{} is valid\n", base::printable(word));
  int printed = HV_TRY(context.print(text));
  return printed == kDone ? code : printed;
}

}  // namespace

constexpr Command kPolicyList = {
    .name = "policy ls",
    .summary = "List the policies",
    .description =
        "Lists the policies that `run --policy` takes: the ones that come with Hydravisor and yours, which lie in the "
        "configuration directory under policies/.",
    .options = {},
    .arguments = {},
    .example = "hydravisor policy ls",
    .exit_codes = {},
    .run = list,
};

constexpr Command kPolicyShow = {
    .name = "policy show",
    .summary = "Print a policy's file",
    .description =
        "Prints the file of the policy NAME and where it lies. With --effective it prints what holds in the end: all "
        "that it extends put together, each line with the file and line that say so.",
    .options = kShowOptions,
    .arguments = kName,
    .example = "hydravisor policy show restricted",
    .exit_codes = {},
    .run = show,
};

constexpr Command kPolicyNew = {
    .name = "policy new",
    .summary = "Begin a policy of your own",
    .description =
        "Writes NAME.toml among your policies and prints where it lies. What would not be valid is not written; a "
        "policy "
        "that is there already stays.",
    .options = kNewOptions,
    .arguments = kNewName,
    .example = "hydravisor policy new builds --extends standard",
    .exit_codes = {},
    .run = make,
};

constexpr Command kPolicyValidate = {
    .name = "policy validate",
    .summary = "Check a policy",
    .description =
        "Names every fault of the policy with its file, line and column, and what was expected; then what in it can "
        "never matter, as warnings. FILE is a file, or the name of a policy.",
    .options = {},
    .arguments = kFile,
    .example = "hydravisor policy validate ./mine.toml",
    .exit_codes = kValidateCodes,
    .run = validate,
};

}  // namespace hv::cli
