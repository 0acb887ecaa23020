// JSON <-> core for the API. Each type's members are described once (wire/describe.h) and read and written from that
// description, so the two directions cannot drift apart. Reading is strict: unknown members, wrong types and numbers
// out of range are invalid_argument with the member's path. Bytes that are not UTF-8 travel as {"base64": "..."} where
// the type allows them (arguments, variables, paths, diff lines).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/access_info.h"
#include "core/audit_query.h"
#include "core/change.h"
#include "core/host_info.h"
#include "core/policy_info.h"
#include "core/proof.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"

namespace hv::wire {

// {"items": [...]}: what lists are wrapped in, so that members can be added later.
template <typename T>
struct List {
  std::vector<T> items;
};

// For every type of the headers above with a description, and List of SandboxInfo, PolicyInfo, AgentInfo, HomeInfo,
// ProofInfo and TokenInfo.
template <typename T>
base::json::Value to_json(const T& value);
template <typename T>
base::Result<T> from_json(const base::json::Value& value);

// Text to type: base::json::parse, then from_json. An empty text is read as {}.
template <typename T>
base::Result<T> parse(std::string_view text) {
  base::json::Value value = HV_TRY(base::json::parse(text.empty() ? "{}" : text));
  return from_json<T>(value);
}
template <typename T>
std::string to_text(const T& value) {
  return base::json::serialize(to_json(value));
}

}  // namespace hv::wire
