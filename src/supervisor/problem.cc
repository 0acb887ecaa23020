#include "supervisor/problem.h"

#include "base/json.h"

namespace hv::supervisor {

std::string problem_json(const base::Error& error, int exit_code) {
  base::json::Object problem;
  problem["type"] = "urn:hydravisor:error:" + std::string(base::code_name(error.code()));
  problem["title"] = base::code_name(error.code());
  problem["detail"] = error.message();
  if (!error.hint().empty()) problem["hint"] = error.hint();
  problem["exit_code"] = exit_code;
  return base::json::serialize(problem);
}

}  // namespace hv::supervisor
