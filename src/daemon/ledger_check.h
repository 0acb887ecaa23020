// The ledger while no daemon can serve it: checked without being opened, and why it could not be opened.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/paths.h"

namespace hv::daemon {

// Prints the API's VerifyReport on standard output. It takes no lock and writes nothing, so that a daemon may be
// running. The exit code: 0 intact, 1 not, 125 there is no ledger to read.
// `options`: --key KEY (the first key, as it was noted), --checkpoint FILE (one from before), --witness DIRECTORY.
int verify_ledger(const core::Paths& paths, std::span<const std::string_view> options);
// The same for a bundle: FILE [--key KEY]. Needs no ledger.
int check_bundle(std::span<const std::string_view> arguments);
// arguments: DIRECTORY or URL, then perhaps --key KEY and, for https://, --ca FILE. Has that witness cosign the present
// checkpoint; prints what it did as JSON.
int witness_ledger(const core::Paths& paths, std::span<const std::string_view> arguments);

// Why the daemon does not start. Every such message says how to find out what happened to the ledger.
base::Error cannot_open_ledger(base::Error error);

}  // namespace hv::daemon
