// The API as a table: method, pattern, what of a request is understood, and who answers. docs/api/openapi.json
// describes the same routes; a test holds the two against each other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/context.h"

namespace hv::api {

using Answer = base::Result<http::Response>;
using Plain = Answer (*)(service::Service&, const Call&);
using Open = void (*)(Context&, std::shared_ptr<Call>);

// Exactly one of the three handlers is set.
struct Route {
  std::string_view method;
  std::string_view pattern;     // "/v1/sandboxes/{name}/stop"; at most one {parameter}
  std::string_view query = {};  // names, separated by commas; others are refused
  bool body = false;            // takes a JSON body; others must come without
  bool any_version = false;     // answers a newer front end too
  Plain on_loop = nullptr;      // answers at once
  Plain on_pool = nullptr;      // may block on files
  Open open = nullptr;          // answers later, or with more than one message
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parameters;
  std::string allowed;  // methods of the path, when it exists but not for this method
};
Match match(std::string_view method, const std::vector<std::string>& segments);

}  // namespace hv::api
