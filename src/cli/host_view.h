// Reports about this machine as people read them. Pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "core/host_info.h"

namespace hv::cli {

// What got through comes first.
std::string probe_text(const core::ProbeReport& report, size_t width);
// What is missing comes first, each with its fix.
std::string doctor_text(const core::DoctorReport& report, size_t width);
std::string reap_text(const core::ReapReport& report);

}  // namespace hv::cli
