// How the life cycle's events say things. Internal to service/.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "core/run_request.h"
#include "service/live_sandbox.h"
#include "shimwire/protocol.h"

namespace hv::service {

inline std::string principal_of(const core::Caller& caller) {
  return caller.principal.value_or("user:" + std::to_string(caller.uid));
}

inline base::json::Array to_array(const std::vector<std::string>& texts) {
  base::json::Array array;
  for (const std::string& text : texts) array.emplace_back(base::printable(text));
  return array;
}

// Why nothing can be asked of a supervisor that another version of Hydravisor started.
inline base::Error another_version(const std::string& sandbox, uint32_t protocol) {
  return base::conflict("sandbox '" + sandbox + "' was started by another version of Hydravisor (protocol " +
                        std::to_string(protocol) + ", and this is " + std::to_string(shimwire::kProtocol) + ")")
      .with_hint("what runs in it goes on; to end it: hydravisor stop " + sandbox);
}

inline base::Status check_version(const LiveSandbox& sandbox) {
  if (!sandbox.foreign_protocol) return {};
  return base::Failure(another_version(sandbox.name(), *sandbox.foreign_protocol));
}

}  // namespace hv::service
