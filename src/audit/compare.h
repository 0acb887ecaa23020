// Which entries were changed, removed, inserted or moved: two sequences of leaf hashes, the sealed one and the one
// found.
#pragma once

#include <string>
#include <vector>

#include "audit/merkle.h"
#include "audit/report.h"

namespace hv::audit {

struct Difference {
  ProblemKind kind = ProblemKind::changed;  // changed, missing, inserted, reordered or truncated
  Range entries;                            // in the sealed sequence; for inserted, in the found one
  bool operator==(const Difference&) const = default;
};

// `first` is the index of both sequences' first element. What `found` has beyond the end of `sealed` is no difference:
// it is not sealed yet.
std::vector<Difference> compare_leaves(const std::vector<Digest>& sealed, const std::vector<Digest>& found,
                                       uint64_t first);

}  // namespace hv::audit
