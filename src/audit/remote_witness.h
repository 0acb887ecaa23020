// A witness elsewhere (c2sp.org/tlog-witness): it is sent each checkpoint with the proof that it continues the last
// one, and answers with a cosignature, or says what it knows better. How the two talk is the caller's: a function that
// posts.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "audit/cosignature.h"
#include "audit/witness.h"
#include "base/result.h"

namespace hv::audit {

struct WitnessAnswer {
  int status = 0;
  std::string body;
};
// Sends the body of one add-checkpoint request.
using PostToWitness = std::function<base::Result<WitnessAnswer>(const std::string& body)>;

// Has the witness cosign the ledger's present checkpoint, and keeps what it signed in the directory `kept`, in the form
// that witnessed_checkpoint() reads. `key` is the witness's; without it the one that was kept. conflict when the ledger
// is not a continuation of what the witness saw: it was set back, or has another past.
base::Result<Witnessed> witness_remotely(const std::string& ledger, const std::string& kept,
                                         const std::optional<CosignerKey>& key, const PostToWitness& post);

}  // namespace hv::audit
