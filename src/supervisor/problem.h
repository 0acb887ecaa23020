// An error as the problem document (RFC 9457) that front ends get on a stream.
#pragma once

#include <string>

#include "base/error.h"

namespace hv::supervisor {

std::string problem_json(const base::Error& error, int exit_code);

}  // namespace hv::supervisor
