// From a sandbox's spool to the ledger: what a supervisor wrote, as events.
#pragma once

#include <string>

#include "base/result.h"
#include "core/event.h"
#include "core/sandbox_info.h"
#include "shimwire/spool.h"

namespace hv::service {

// The record as an event of the sandbox with this id; its origin is the record's place in the spool, so that recording
// it twice is harmless. The supervisor reads hostile bytes and is not believed beyond its part: a note can only be of
// the kinds a sandbox's life has ("sandbox." and "workspace."), never one of the ledger's or the daemon's own.
// invalid_argument for a record that no supervisor of this version writes.
base::Result<core::Event> to_event(const shimwire::SpoolRecord& record, const std::string& sandbox_id);

// Adds what a record says about connections.
void count_network(core::NetworkUsage& usage, const shimwire::SpoolRecord& record);

}  // namespace hv::service
