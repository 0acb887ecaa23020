// Errors on the wire: problem documents of RFC 9457, from one table of error codes and HTTP statuses.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace hv::wire {

inline constexpr std::string_view kProblemType = "application/problem+json";

int status_of(base::ErrorCode code);
base::ErrorCode code_of(int status);

// {"type": "urn:hydravisor:not_found", "title": ..., "status": 404, "code": "not_found", "detail": message, "hint":
// ...}
std::string problem_text(const base::Error& error);
// The same with another status than the table's: what HTTP itself asks for (405, 413, 426).
std::string problem_text(const base::Error& error, int status, std::string_view title);
// Back to an error. For what is not a problem document the status alone decides.
base::Error read_problem(int status, std::string_view body);

}  // namespace hv::wire
