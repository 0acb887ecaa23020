// Which entries of a damaged journal are not the ones that were sealed, as far as the published tiles can tell: those
// that the signed root still vouches for are believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/report.h"

namespace hv::audit {

// A root that somebody signed, and what the journal gives for the same size.
struct Promise {
  uint64_t size = 0;
  Digest root{};
  uint64_t since = 0;  // entries below are vouched for by an earlier promise
  std::string what;
  std::optional<Digest> computed;
  bool kept() const { return computed == root; }
};

// `problems` are those known before; what is found is added to them. Without a checkpoint only the promises speak.
void find_damage(const std::string& directory, const std::optional<Checkpoint>& checkpoint,
                 const std::vector<Promise>& promises, std::vector<Problem>& problems);

}  // namespace hv::audit
