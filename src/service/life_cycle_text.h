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

// What a person asked to be run, as far as the policy lets it be recorded.
inline void add_command(base::json::Object& payload, const std::vector<std::string>& command,
                        const core::AuditRules& audit) {
  if (audit.arguments || command.size() < 2) {
    payload["command"] = to_array(command);
    return;
  }
  payload["command"] = to_array({command[0]});
  payload["arguments_omitted"] = command.size() - 1;
}

// What of the record is left out or goes early, so that a reader knows why he does not see it. Empty: nothing is.
inline base::json::Object describe_audit(const core::AuditRules& audit) {
  base::json::Object text;
  if (!audit.arguments) text["arguments"] = "program";
  if (!audit.files) text["files"] = "none";
  if (!audit.request_paths) text["requests"] = "host";
  if (!audit.redact_names.empty()) text["redact_names"] = audit.redact_names.size();
  if (!audit.redact_patterns.empty()) text["redact_patterns"] = audit.redact_patterns.size();
  if (audit.keep_payloads_millis != 0) text["keep_payloads_ms"] = audit.keep_payloads_millis;
  return text;
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
