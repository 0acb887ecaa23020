#include "store/state_format.h"

#include <cerrno>
#include <memory>

#include <dirent.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "store/sandbox_store.h"

namespace hv::store {

namespace {

using base::Failure;
using base::Result;
using base::Status;

std::string file_of(const core::Paths& paths) {
  return paths.state + "/format.json";
}

bool is_empty(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  while (dirent* entry = stream ? ::readdir(stream.get()) : nullptr)
    if (std::string_view name = entry->d_name; name != "." && name != "..") return false;
  return true;
}

struct Stamp {
  int64_t format = 0;
  std::string written_by;
};

Result<Stamp> parse(std::string_view text) {
  base::json::Value value = HV_TRY(base::json::parse(text));
  auto reader = HV_TRY(base::json::ObjectReader::over(value));
  Stamp stamp;
  stamp.format = HV_TRY(reader.integer("format"));
  stamp.written_by = HV_TRY(reader.string("written_by"));
  // What a newer version has put beside them is its own affair.
  if (stamp.format < 1) return Failure(base::invalid_argument("'format' is below 1"));
  return stamp;
}

Status write_stamp(const core::Paths& paths) {
  base::json::Object stamp{{"format", kStateFormat}, {"written_by", std::string(base::kVersion)}};
  return base::write_file_atomically(file_of(paths), base::json::serialize(stamp) + "\n");
}

// Said before anything else is tried: what fails first would only be a file of some part.
Status check_writable(const core::Paths& paths) {
  if (::access(paths.state.c_str(), W_OK | X_OK) == 0) return {};
  int error = errno;
  std::string quoted = base::shell_quote(paths.state);
  std::string hint = error == EROFS ? "set XDG_STATE_HOME to a directory on a file system that can be written"
                                    : base::format("chown -R {} {} && chmod u+rwx {}", ::getuid(), quoted, quoted);
  return Failure(base::Error::from_errno(error, "write to the state directory", paths.state).with_hint(hint));
}

// The file as it was. One that a migration before has copied is the older one, and stays.
Status keep_copy(const std::string& file, const std::string& directory) {
  std::string copy = directory + "/sandbox.json";
  if (base::path_exists(copy)) return {};
  HV_TRY(base::make_directories(directory));
  return base::write_file_atomically(copy, HV_TRY(base::read_file(file)));
}

// 0 to 1: every sandbox is described as this version does it, so that later ones need not know the ways of before.
Status describe_anew(const core::Paths& paths, Migration& migration) {
  SandboxStore store(paths.sandboxes);
  std::vector<StoredSandbox> sandboxes = HV_TRY(store.load_all(migration.problems));
  if (sandboxes.empty()) return {};
  migration.backup = base::format("{}/backup-of-format-{}", paths.state, migration.from);
  for (const StoredSandbox& sandbox : sandboxes)
    HV_TRY(keep_copy(store.path_of(sandbox.info.id) + "/sandbox.json",
                     migration.backup + "/sandboxes/" + sandbox.info.id));
  for (const StoredSandbox& sandbox : sandboxes) HV_TRY(store.save(sandbox));
  return {};
}

}  // namespace

Result<std::optional<int64_t>> read_state_format(const core::Paths& paths) {
  Result<std::string> text = base::read_file(file_of(paths), 4096);
  if (!text) {
    if (text.error().os_error() != ENOENT) return Failure(std::move(text).error());
    bool none = is_empty(paths.sandboxes) && is_empty(paths.ledger) && is_empty(paths.homes);
    return none ? std::optional<int64_t>() : 0;
  }
  Result<Stamp> stamp = parse(*text);
  if (!stamp)
    return Failure(base::unsupported(base::format("{}: {}", file_of(paths), base::printable(stamp.error().message())))
                       .with_hint("nothing was touched; put the file back as it was: {\"format\":N,\"written_by\":"
                                  "\"VERSION\"}, or set XDG_STATE_HOME to another directory"));
  if (stamp->format > kStateFormat)
    return Failure(
        base::unsupported(base::format("{} was last used by Hydravisor {}, which keeps it in a newer form ({}) than "
                                       "this one knows ({})",
                                       paths.state, base::printable(stamp->written_by), stamp->format, kStateFormat))
            .with_hint("nothing was touched; use that version or a later one, or set XDG_STATE_HOME to another "
                       "directory"));
  return stamp->format;
}

Result<std::optional<Migration>> migrate_state(const core::Paths& paths) {
  HV_TRY(check_writable(paths));
  std::optional<int64_t> found = HV_TRY(read_state_format(paths));
  if (found == kStateFormat) return std::nullopt;
  if (!found) {
    HV_TRY(write_stamp(paths));
    return std::nullopt;
  }
  Migration migration;
  migration.from = *found;
  HV_TRY_CONTEXT(describe_anew(paths, migration), base::format("bring {} up to date", paths.state));
  // Last, so that whatever ends this before has it done again.
  HV_TRY(write_stamp(paths));
  return migration;
}

}  // namespace hv::store
