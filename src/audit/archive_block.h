// Some records of a finished segment, taken apart so that they pack well: what can be computed again is left out, what
// is alike stands together. Taken apart and put together again they are the same bytes. Grammar in
// docs/ledger-format.md. Reads what a disk or a stranger may have changed: nothing here trusts it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::audit {

struct ArchiveBlock {
  std::string plain;  // to be packed
  std::string dense;  // salts and hashes, which no packing makes smaller
};

// `frames` are records from entry `first` on. One that is unusual in any way stands in the block as it is.
ArchiveBlock take_apart(std::span<const std::string_view> frames, uint64_t first);
// The records, one behind the other. io when these are not the parts of `count` records of `size` bytes together.
base::Result<std::string> put_together(std::string_view plain, std::string_view dense, uint64_t first, uint64_t count,
                                       uint64_t size);

}  // namespace hv::audit
