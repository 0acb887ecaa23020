// A witness: a directory elsewhere (another disk, another user's) with a key of its own and the last checkpoint it
// cosigned. It signs only what extends that one, so a ledger that was set back, or signed anew from some point, is
// found out by whoever compares it with the witness.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/cosignature.h"
#include "audit/note.h"
#include "base/clock.h"
#include "base/result.h"

namespace hv::audit {

struct Witnessed {
  std::string key;  // the witness's public key
  std::string origin;
  uint64_t before = 0;  // entries under the checkpoint it had; 0 for none
  uint64_t size = 0;    // and under the one it has now
};

// Cosigns the present checkpoint of the ledger, and keeps it. The first time it makes its key and notes the ledger's
// first key, which it believes from then on. conflict when the ledger is not a continuation of what it cosigned.
base::Result<Witnessed> witness_ledger(const std::string& ledger, const std::string& witness, const base::Clock& clock);

// What a witness looks at: the ledger's present checkpoint, whose signature was checked, and its keys.
struct SignedCheckpoint {
  std::string text;  // the signed note
  Note note;
  Checkpoint checkpoint;
  VerifierKey first_key;
  VerifierKey last_key;
};
// `first` is the key that is believed; without it the directory's own. conflict when the keys do not lead from it to
// the one that signed.
base::Result<SignedCheckpoint> present_checkpoint(const std::string& ledger, const std::optional<VerifierKey>& first);
// conflict when the ledger, whose present checkpoint is `now`, does not continue `old`.
base::Status check_continues(const std::string& ledger, const Checkpoint& old, const Checkpoint& now);

// The checkpoint a witness holds, as signed note, after checking its cosignature: what a ledger is verified against.
base::Result<std::string> witnessed_checkpoint(const std::string& witness);
// The ledger's first key as the witness noted it.
base::Result<VerifierKey> witnessed_first_key(const std::string& witness);

}  // namespace hv::audit
