// Reading the ledger page by page and as it grows: what `audit` and `net` share.
#pragma once

#include <functional>

#include "base/result.h"
#include "cli/context.h"
#include "client/client.h"
#include "core/audit_query.h"

namespace hv::cli {

// Answers the exit code: any but 0 ends the walk, and is its result.
using TakeRecord = std::function<base::Result<int>(const core::AuditRecord& record)>;

// Every record that answers `query`, which afterwards stands behind the last one that was looked at.
base::Result<int> for_each_record(client::Client& client, core::AuditQuery& query, const TakeRecord& take);

// What is recorded from now on, or behind the place where `query` stands, until the reader goes away or the daemon
// ends; a daemon that was only replaced is met again.
base::Result<int> follow_records(client::Client& client, core::AuditQuery& query, const TakeRecord& take);

// A line for people, or one JSON object.
base::Result<int> print_record(Context& context, const core::AuditRecord& record);

}  // namespace hv::cli
