// The last checkpoint up to which the ledger was found whole: a verification can go on from there. It lies beside the
// ledger's directory, where no sandbox reaches. Who can write it can write the ledger too, so that it saves time and
// proves nothing to anybody else; a witness does (witness.h).
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace hv::audit {

// The signed note; nullopt when there is none.
std::optional<std::string> read_verified_mark(const std::string& ledger_directory);
base::Status keep_verified_mark(const std::string& ledger_directory, const std::string& note);

}  // namespace hv::audit
