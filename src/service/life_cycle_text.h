// How the life cycle's events say things. Internal to service/.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "core/run_request.h"

namespace hv::service {

inline std::string principal_of(const core::Caller& caller) {
  return "user:" + std::to_string(caller.uid);
}

inline base::json::Array to_array(const std::vector<std::string>& texts) {
  base::json::Array array;
  for (const std::string& text : texts) array.emplace_back(base::printable(text));
  return array;
}

}  // namespace hv::service
