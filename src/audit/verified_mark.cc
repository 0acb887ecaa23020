#include "audit/verified_mark.h"

#include "base/fd.h"

namespace hv::audit {

namespace {

std::string path_of(const std::string& ledger_directory) {
  return ledger_directory + ".verified";
}

}  // namespace

std::optional<std::string> read_verified_mark(const std::string& ledger_directory) {
  base::Result<std::string> note = base::read_file(path_of(ledger_directory), 65536);
  if (!note || note->empty()) return std::nullopt;
  return *std::move(note);
}

base::Status keep_verified_mark(const std::string& ledger_directory, const std::string& note) {
  HV_TRY_CONTEXT(base::write_file_atomically(path_of(ledger_directory), note), "remember what was verified");
  return {};
}

}  // namespace hv::audit
