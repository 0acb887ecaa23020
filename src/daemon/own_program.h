// Where Hydravisor's own programs lie: beside this one.
#pragma once

#include <string>

#include "base/result.h"

namespace hv::daemon {

// The directory that holds hydravisor-supervisor; not_found naming the place.
base::Result<std::string> own_directory();

// The AppArmor profile that came with them; empty when none did.
std::string own_apparmor_profile(const std::string& directory);

}  // namespace hv::daemon
