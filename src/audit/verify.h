// Checks a ledger as a stranger would: from its files alone, trusting at most its first public key and a checkpoint
// remembered from before. Says which entries are affected, not only that something is wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "audit/note.h"
#include "audit/report.h"
#include "base/result.h"

namespace hv::audit {

struct VerifyOptions {
  // The key the reader noted when the ledger was new, as printed then; without it the directory's own is believed.
  std::optional<VerifierKey> first_key;
  // A checkpoint kept from before, or a witness's: as signed note. The ledger must be an extension of it.
  std::optional<std::string> remembered;
  // The checkpoint of an earlier verification that found all well (verified_mark.h): only what came since is looked at,
  // beginning with that checkpoint's tree. When anything is found, or the beginning is not there, all is looked at.
  std::optional<std::string> since;
  unsigned threads = 0;  // 0: as many as there are processors, at most 8
  // Told now and then how many entries were checked.
  std::function<void(uint64_t done)> progress;
};

// Fails only when there is no ledger to read at all. A writer may be running: what it adds meanwhile is not looked at.
base::Result<Report> verify(const std::string& directory, const VerifyOptions& options = {});

}  // namespace hv::audit
