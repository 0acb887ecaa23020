// The request target of a server: "/v1/sandboxes/web?force=true" in its parts, decoded (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hv::http {

struct Target {
  std::vector<std::string> segments;                       // "v1", "sandboxes", "web"
  std::vector<std::pair<std::string, std::string>> query;  // in order

  std::optional<std::string> value(std::string_view name) const;
};

// Origin form only. invalid_argument for bad escapes, bytes that are not UTF-8 after decoding, NUL, empty or dot
// segments.
base::Result<Target> parse_target(std::string_view text);

// Everything but unreserved characters as %XX: for a path segment or a query value.
std::string escape(std::string_view text);

}  // namespace hv::http
