// The ledger while no daemon can serve it: checked without being opened, and why it could not be opened.
#pragma once

#include "base/error.h"
#include "core/paths.h"

namespace hv::daemon {

// Prints the API's VerifyReport on standard output. It takes no lock and writes nothing, so that a daemon may be
// running. The exit code: 0 intact, 1 not, 125 there is no ledger to read.
int verify_ledger(const core::Paths& paths);

// Why the daemon does not start. Every such message says how to find out what happened to the ledger.
base::Error cannot_open_ledger(base::Error error);

}  // namespace hv::daemon
