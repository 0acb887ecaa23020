// Paths of requests as rules compare them. Servers read one path in several ways, so a path whose meaning depends on
// the server has no plain form, and a rule counts it against the request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hv::network {

// Dot segments resolved, double slashes made one, escapes of ordinary characters undone. Nothing for a path that does
// not begin with '/', holds a backslash, a control character, a malformed escape, or an escaped slash, backslash,
// percent sign or control character, or a dot segment with parameters.
std::optional<std::string> plain_path(std::string_view path);

// Whether a plain path is `prefix` or lies below it: "/v1" has "/v1", "/v1/x" and "/v1;x", not "/v10".
bool lies_below(std::string_view path, std::string_view prefix);

}  // namespace hv::network
