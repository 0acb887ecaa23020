#include "cli/man.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/command_table.h"
#include "cli/help.h"

namespace hv::cli {

namespace {

// Text that roff prints as it stands: "-" stays one that can be copied into a shell, and no line is a request.
std::string roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '`')
      out += "\\(ga";
    else if (c == '^')
      out += "\\(ha";
    else if (c == '~')
      out += "\\(ti";
    else
      out += c;
  }
  return out;
}

std::string heading(std::string_view name, std::string_view summary, std::string_view date) {
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return base::format(".TH {} 1 {} \"Hydravisor {}\" \"Hydravisor\"\n.SH NAME\n{} \\- {}\n", roff(upper), date,
                      base::kVersion, roff(name), roff(summary));
}

std::string entry(std::string_view label, std::string_view text) {
  return base::format(".TP\n.B {}\n{}\n", roff(label), roff(text));
}

std::string label_of(const Option& option) {
  std::string label = option.letter != 0 ? base::format("-{}, ", option.letter) : "";
  label += base::format("--{}", option.name);
  return option.value.empty() ? label : base::format("{} {}", label, option.value);
}

std::string verbatim(std::string_view lines) {
  return base::format(".nf\n{}\n.fi\n", roff(lines));
}

}  // namespace

std::string man_name(const Command& command) {
  std::string name = "hydravisor-" + std::string(command.name);
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string man_page(const Command& command, std::string_view date) {
  std::string out = heading(man_name(command), command.summary, date);
  out += base::format(".SH SYNOPSIS\n.B {}\n.SH DESCRIPTION\n{}\n.SH OPTIONS\n", roff(usage_of(command)),
                      roff(command.description));
  for (const Option& option : command.options)
    if (!option.hidden) out += entry(label_of(option), option.help);
  for (const Option& option : kCommonOptions) out += entry(label_of(option), option.help);
  out += ".SH EXIT STATUS\n";
  if (command.exit_codes.empty()) out += entry("0", "done");
  for (const ExitCode& code : command.exit_codes) out += entry(code.code, code.meaning);
  if (!command.passes_status) out += entry("2", "the command line cannot be understood");
  out += entry("125", "Hydravisor failed or refused; the message says why");
  return out + ".SH EXAMPLES\n" + verbatim(command.example) + ".SH SEE ALSO\n.BR hydravisor (1)\n";
}

std::string man_overview(std::string_view date) {
  std::string out = heading("hydravisor", "run coding agents in sandboxes", date);
  out +=
      ".SH SYNOPSIS\n.B hydravisor\n.I COMMAND\n.RI [ OPTIONS ]\n.RI [ ARGUMENTS ]\n.SH DESCRIPTION\n"
      "Runs any program, an AI agent above all, in a sandbox on this machine: its own home, your tools, your project "
      "copy\\-on\\-write, a record of what it did, and its changes shown before they reach your files.\n.PP\n"
      "Every command has a page of its own and the options\n.B \\-\\-help\nand\n.BR \\-\\-json .\nThe short name of\n"
      ".B hydravisor\nis\n.BR hv .\n.SH COMMANDS\n";
  for (const CommandGroup& group : command_groups()) {
    out += base::format(".SS {}\n", roff(group.title));
    for (const Command* command : group.commands)
      if (!command->hidden)
        out += base::format(".TP\n.BR {} (1)\n{}\n", roff(man_name(*command)), roff(command->summary));
  }
  out +=
      ".SH FILES\n.TP\n.I \\(ti/.config/hydravisor/config.toml\nWhat holds for every run; see\n"
      ".BR hydravisor\\-config\\-show (1).\n.TP\n.I /etc/hydravisor/config.toml\nThe same for every user of the "
      "machine, and root\\(aqs own.\n.TP\n.I \\(ti/.local/state/hydravisor\nSandboxes, homes and the ledger; "
      "root\\(aqs are "
      "in\n.IR /var/lib/hydravisor .\n.SH ENVIRONMENT\n.TP\n.BR HYDRAVISOR_RUN_POLICY ,\\ ...\nGoes before the key\n"
      ".I run.policy\nof the configuration; every key has one.\n.SH EXAMPLES\n";
  out += verbatim("hydravisor run -- make test");
  return out + ".SH SEE ALSO\n.BR hydravisor\\-run (1)\n";
}

}  // namespace hv::cli
