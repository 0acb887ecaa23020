// Reports about this machine as people read them. Pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "core/host_info.h"
#include "core/proof.h"

namespace hv::cli {

// What got through comes first.
std::string probe_text(const core::ProbeReport& report, size_t width);
// How old a proof is, what it covers and whether a start would go by it.
std::string proof_text(const core::ProofInfo& proof, base::WallTime now, size_t width);
// What is missing comes first, each with its fix.
std::string doctor_text(const core::DoctorReport& report, size_t width);
std::string reap_text(const core::ReapReport& report);

}  // namespace hv::cli
