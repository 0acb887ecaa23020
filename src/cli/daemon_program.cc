#include "cli/daemon_program.h"

#include <chrono>

#include "base/format.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/context.h"
#include "client/daemon.h"

namespace hv::cli {

base::Result<std::string> ask_program(const Context& context, std::vector<std::string> words) {
  base::CommandSpec command;
  command.program = HV_TRY(client::find_program("hydravisord"));
  command.arguments = std::move(words);
  std::vector<std::string> entries;
  for (char* const* entry = context.raw_environment(); *entry != nullptr; ++entry) entries.emplace_back(*entry);
  command.environment = client::daemon_environment(entries);
  // As long as a large ledger takes; whoever waits can interrupt it.
  base::CommandOutput output = HV_TRY(base::run_command(std::move(command), {}, std::chrono::hours(24)));
  if (output.status.signal == 0 && (output.status.code == 0 || output.status.code == 1)) return std::move(output.out);
  while (output.err.ends_with('\n')) output.err.pop_back();
  std::string_view said = output.err;
  if (said.starts_with("hydravisord: ")) said.remove_prefix(said.find(' ') + 1);
  return base::Failure(
      base::io_error(base::format("{}", said.empty() ? "hydravisord ended without a word" : base::printable(said))));
}

}  // namespace hv::cli
