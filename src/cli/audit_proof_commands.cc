// audit verify, check, prove, witness: whether the record is whole, here and elsewhere.
#include <chrono>

#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/audit_view.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/daemon_program.h"
#include "cli/exit_code.h"
#include "cli/export_target.h"
#include "cli/values.h"
#include "client/client.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Argument kIndex[] = {{.name = "INDEX"}};
constexpr Argument kBundle[] = {{.name = "BUNDLE", .completion = Completion::files}};
constexpr Argument kMaybeBundle[] = {{.name = "BUNDLE", .least = 0, .completion = Completion::files}};
constexpr Option kWitnessOptions[] = {
    {.name = "key", .value = "KEY", .help = "The witness's public key, NAME+ID+KEY: the first time that URL is asked"},
    {.name = "ca",
     .value = "FILE",
     .help = "Who may vouch for an https:// witness instead of those whom this machine trusts: certificates in PEM",
     .completion = Completion::files}};
constexpr Argument kWitness[] = {{.name = "WITNESS", .completion = Completion::directories}};

constexpr Option kKeyOption = {
    .name = "key", .value = "KEY", .help = "The ledger's first key, as it was noted when the ledger was new"};
constexpr Option kVerifyOptions[] = {
    {.name = "offline", .help = "Read the files without asking the daemon; entries of this moment may not be in them"},
    {.name = "since-last", .help = "Only what was recorded since the daemon last found the ledger whole"},
    kKeyOption,
    {.name = "checkpoint",
     .value = "FILE",
     .help = "A checkpoint kept from before: the ledger must continue it",
     .completion = Completion::files},
    {.name = "witness",
     .value = "WITNESS",
     .help = "A witness, as audit witness knows it: the ledger must continue what it cosigned",
     .completion = Completion::directories},
};
constexpr Option kCheckOptions[] = {kKeyOption};
constexpr Option kProveOptions[] = {
    {.name = "since",
     .value = "FILE",
     .help = "A checkpoint kept from before: prove too that the ledger continues it",
     .completion = Completion::files},
    {.name = "to", .value = "FILE", .help = "A file instead of standard output", .completion = Completion::files},
};
constexpr ExitCode kVerifyCodes[] = {{"0", "the record is whole"}, {"1", "it is not; the faults are listed"}};
constexpr ExitCode kCheckCodes[] = {{"0", "everything in it is as it was sealed"},
                                    {"1", "it is not; the faults are listed"}};

base::Result<core::VerifyReport> verify_offline(const Context& context, const Arguments& arguments) {
  std::vector<std::string> words{"--verify-ledger"};
  if (arguments.has("since-last")) words.emplace_back("--since-last");
  for (const char* option : {"key", "checkpoint", "witness"})
    if (auto value = arguments.value(option)) words.insert(words.end(), {base::format("--{}", option), *value});
  std::string text = HV_TRY_CONTEXT(ask_program(context, std::move(words)), "verify the ledger without the daemon");
  return wire::parse<core::VerifyReport>(text);
}

base::Result<core::VerifyReport> ask_for_report(Context& context, const Arguments& arguments) {
  bool needs_files =
      arguments.has("offline") || arguments.has("key") || arguments.has("checkpoint") || arguments.has("witness");
  if (needs_files) return verify_offline(context, arguments);
  auto client = context.client();
  if (client) return (*client)->audit_verify(arguments.has("since-last"));
  if (client.error().code() != base::ErrorCode::unavailable) return base::Failure(std::move(client).error());
  context.report(client.error());
  return verify_offline(context, arguments);
}

base::Result<int> check(Context& context, const Arguments& arguments) {
  std::vector<std::string> words{"--check-bundle", arguments.word(0)};
  if (auto key = arguments.value("key")) words.insert(words.end(), {"--key", *key});
  std::string text =
      HV_TRY_CONTEXT(ask_program(context, std::move(words)), "check " + base::printable(arguments.word(0)));
  auto report = HV_TRY(wire::parse<core::VerifyReport>(text));
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report))
                                 : context.print(bundle_text(report, arguments.has("key"), context.width())));
  return code == kDone && !report.intact ? kNo : code;
}

base::Result<int> verify(Context& context, const Arguments& arguments) {
  if (!arguments.words().empty()) return check(context, arguments);
  core::VerifyReport report = HV_TRY(ask_for_report(context, arguments));
  int code = HV_TRY(context.json ? context.print_json(wire::to_json(report))
                                 : context.print(verify_text(report, context.width())));
  return code == kDone && !report.intact ? kNo : code;
}

base::Result<int> prove(Context& context, const Arguments& arguments) {
  core::AuditQuery query;
  uint64_t index = HV_TRY(context.usage(parse_number("INDEX", arguments.word(0), 0, UINT64_MAX - 1)));
  if (index > 0) query.after = index - 1;
  query.before = index + 1;
  std::optional<std::string> remembered;
  if (auto file = arguments.value("since")) remembered = HV_TRY(base::read_file(*file, 65536));
  client::Client* client = HV_TRY(context.client());
  // It says so when there is no such record; an empty bundle would prove nothing.
  (void)HV_TRY(client->audit_event(index));
  ExportTarget target = HV_TRY(ExportTarget::open(context, arguments.value("to").value_or("")));
  client::ByteReader reader = HV_TRY(client->audit_bundle(query, remembered));
  while (true) {
    std::string bytes = HV_TRY(reader.read());
    if (bytes.empty()) break;
    if (int code = HV_TRY(target.write(bytes)); code != kDone) return code;
  }
  HV_TRY(target.finish());
  return kDone;
}

base::Result<int> witness(Context& context, const Arguments& arguments) {
  std::vector<std::string> words{"--witness-ledger", arguments.word(0)};
  for (const char* option : {"key", "ca"})
    if (auto value = arguments.value(option)) words.insert(words.end(), {base::format("--{}", option), *value});
  std::string text = HV_TRY(ask_program(context, std::move(words)));
  base::json::Value seen = HV_TRY(base::json::parse(text));
  if (context.json) return context.print_json(seen);
  base::json::ObjectReader reader = HV_TRY(base::json::ObjectReader::over(seen));
  int64_t before = HV_TRY(reader.integer("before"));
  int64_t size = HV_TRY(reader.integer("size"));
  std::string key = HV_TRY(reader.string("key"));
  return context.print(base::format("cosigned {} entries ({} before)\nwitness key  {}\n", size, before, key));
}

}  // namespace

constexpr Command kAuditVerify = {
    .name = "audit verify",
    .summary = "Check that the record is whole",
    .description =
        "Reads the whole ledger again and checks every hash, every signature and every change of signing key. With a "
        "damaged ledger no daemon starts: its error is shown, and the files are checked without it. That all of it was "
        "replaced by an older copy only a witness or a checkpoint kept elsewhere can show. Where all is well, the "
        "daemon "
        "remembers how far, beside the ledger: --since-last goes on from there, in moments. With BUNDLE it checks that "
        "file, as `audit check` does.",
    .options = kVerifyOptions,
    .arguments = kMaybeBundle,
    .example =
        "hydravisor audit verify\nhydravisor audit verify --since-last\nhydravisor audit verify --witness "
        "/mnt/elsewhere/witness",
    .exit_codes = kVerifyCodes,
    .run = verify,
};

constexpr Command kAuditCheck = {
    .name = "audit check",
    .summary = "Check a proof or a bundle from any machine",
    .description =
        "Checks what `audit prove` or `audit export --format bundle` made: every entry in it against the signed "
        "checkpoint, every payload against its entry, every key against the one before. Asks nobody and needs no "
        "ledger. Without --key the first key in the file is believed, and shown.",
    .options = kCheckOptions,
    .arguments = kBundle,
    .example = "hydravisor audit check web.bundle",
    .exit_codes = kCheckCodes,
    .run = check,
};

constexpr Command kAuditProve = {
    .name = "audit prove",
    .summary = "Prove that one record is in the ledger",
    .description =
        "Makes a bundle of the record INDEX: the record, its proof, the signed checkpoint and the keys. It can be "
        "checked "
        "anywhere with `audit check`. With --since it also proves that the ledger continues an older checkpoint, so "
        "that "
        "nothing before it was changed.",
    .options = kProveOptions,
    .arguments = kIndex,
    .example = "hydravisor audit prove 42 --to 42.bundle",
    .exit_codes = {},
    .run = prove,
};

constexpr Command kAuditWitness = {
    .name = "audit witness",
    .summary = "Have a directory or a server elsewhere cosign the ledger",
    .description =
        "Has WITNESS cosign the ledger's present checkpoint, after checking that it continues the one cosigned before, "
        "and keeps it. Run it now and then, best as another user and onto another disk: "
        "`audit verify --witness` then finds a ledger that was set back or signed anew. WITNESS is a directory, which "
        "gets a key of its own, or the http:// or https:// address of a witness (c2sp.org/tlog-witness), whose "
        "cosignature is held against --key and kept beside the ledger.",
    .options = kWitnessOptions,
    .arguments = kWitness,
    .example =
        "hydravisor audit witness /mnt/elsewhere/witness\n"
        "hydravisor audit witness https://witness.example/w --key witness.example+3b2f1a90+BJ...",
    .exit_codes = {},
    .run = witness,
};

}  // namespace hv::cli
