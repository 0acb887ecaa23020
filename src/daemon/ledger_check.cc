#include "daemon/ledger_check.h"

#include <cstdio>
#include <map>

#include <signal.h>

#include "audit/bundle.h"
#include "audit/verified_mark.h"
#include "audit/verify.h"
#include "audit/witness.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include "daemon/witness_client.h"
#include "wire/types.h"

namespace hv::daemon {

namespace {

int fail(const base::Error& error) {
  std::fprintf(stderr, "hydravisord: %s\n", error.text().c_str());
  return 125;
}

int print(const std::string& text, int code) {
  std::printf("%s\n", text.c_str());
  // Half a report would be taken for none at all.
  return std::fflush(stdout) == 0 ? code : 125;
}

using Options = std::map<std::string_view, std::string>;

base::Result<Options> read_options(std::span<const std::string_view> words) {
  Options options;
  for (size_t i = 0; i < words.size(); i += 2) {
    bool known = words[i] == "--key" || words[i] == "--checkpoint" || words[i] == "--witness" || words[i] == "--ca";
    if (!known || i + 1 == words.size())
      return base::Failure(
          base::invalid_argument("unknown option, or one without a value: " + base::printable(words[i])));
    options[words[i]] = words[i + 1];
  }
  return options;
}

constexpr std::string_view kSinceLast = "--since-last";

// What a witness behind an address signed is kept here.
base::Result<std::string> directory_of(const core::Paths& paths, const std::string& witness) {
  if (!is_url(witness)) return witness;
  return kept_of(paths, HV_TRY(WitnessUrl::parse(witness)));
}

base::Result<audit::VerifyOptions> verify_options(const core::Paths& paths, std::span<const std::string_view> words) {
  Options options = HV_TRY(read_options(words));
  audit::VerifyOptions with;
  if (auto witness = options.find("--witness"); witness != options.end()) {
    std::string directory = HV_TRY(directory_of(paths, witness->second));
    with.remembered = HV_TRY(audit::witnessed_checkpoint(directory));
    with.first_key = HV_TRY(audit::witnessed_first_key(directory));
  }
  if (auto file = options.find("--checkpoint"); file != options.end())
    with.remembered = HV_TRY(base::read_file(file->second, 65536));
  if (auto key = options.find("--key"); key != options.end())
    with.first_key = HV_TRY(audit::VerifierKey::parse(key->second));
  return with;
}

}  // namespace

int verify_ledger(const core::Paths& paths, std::span<const std::string_view> options) {
  bool since_last = !options.empty() && options.front() == kSinceLast;
  base::Result<audit::VerifyOptions> with = verify_options(paths, options.subspan(since_last ? 1 : 0));
  if (!with) return fail(with.error());
  if (since_last) with->since = audit::read_verified_mark(paths.ledger);
  base::Result<audit::Report> report = audit::verify(paths.ledger, *with);
  if (!report) return fail(report.error());
  return print(wire::to_text(audit::summary(*report)), report->intact() ? 0 : 1);
}

int check_bundle(std::span<const std::string_view> arguments) {
  if (arguments.empty()) return fail(base::invalid_argument("--check-bundle needs a file"));
  base::Result<audit::VerifyOptions> with = verify_options({}, arguments.subspan(1));
  if (!with) return fail(with.error());
  base::Result<audit::Report> report = audit::check_bundle(std::string(arguments[0]), with->first_key);
  if (!report) return fail(report.error());
  return print(wire::to_text(audit::summary(*report)), report->intact() ? 0 : 1);
}

int witness_ledger(const core::Paths& paths, std::span<const std::string_view> arguments) {
  if (arguments.empty()) return fail(base::invalid_argument("--witness-ledger needs a directory or a URL"));
  std::string witness(arguments[0]);
  auto ask = [&]() -> base::Result<audit::Witnessed> {
    Options options = HV_TRY(read_options(arguments.subspan(1)));
    auto key = options.find("--key");
    bool has_key = key != options.end();
    if (is_url(witness)) {
      WitnessUrl url = HV_TRY(WitnessUrl::parse(witness));
      auto authorities = options.find("--ca");
      if (authorities != options.end() && !url.tls)
        return base::Failure(base::invalid_argument("--ca is for a witness with an https:// address"));
      // What a witness does to its connection must not end this program.
      ::signal(SIGPIPE, SIG_IGN);
      return ask_witness(paths, url, has_key ? std::optional(key->second) : std::nullopt,
                         authorities != options.end() ? authorities->second : "");
    }
    if (has_key || options.contains("--ca"))
      return base::Failure(base::invalid_argument("--key and --ca are for a witness with a URL"));
    return audit::witness_ledger(paths.ledger, witness, base::system_clock());
  };
  base::Result<audit::Witnessed> seen = ask();
  base::Result<std::string> kept = directory_of(paths, witness);
  if (!seen) return fail(seen.error());
  base::json::Object said{{"origin", seen->origin}, {"before", seen->before}, {"size", seen->size}, {"key", seen->key}};
  if (kept) said["kept"] = *kept;
  return print(base::json::serialize(said), 0);
}

base::Error cannot_open_ledger(base::Error error) {
  if (error.hint().find("audit verify") != std::string::npos) return error;
  std::string hint = error.hint().empty() ? "" : error.hint() + "; ";
  return std::move(error).with_hint(hint + "what is wrong with it: hydravisor audit verify");
}

}  // namespace hv::daemon
