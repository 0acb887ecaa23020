// What sandboxes use, as a table: the rates between two samples. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/sandbox_info.h"

namespace hv::cli {

enum class UsageOrder { name, cpu, memory, io, processes, disk, network };

// invalid_argument with the names that there are.
base::Result<UsageOrder> parse_usage_order(std::string_view text);
// The key that chooses it in a live table: its first letter.
std::optional<UsageOrder> usage_order_of(char key);

// Rates need the sample before; without one their columns are "-". Rows that use most come first. The network's columns
// are there only when some sandbox counts it.
std::string usage_text(const core::Usage* before, const core::Usage& now, UsageOrder order, size_t width);

}  // namespace hv::cli
