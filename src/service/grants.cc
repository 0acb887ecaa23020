#include "service/grants.h"

#include <algorithm>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::service {

using base::Failure;
using base::Status;

namespace {

Status add(const std::vector<std::string>& paths, std::string_view option, const std::string& home,
           std::vector<std::string>& granted) {
  for (const std::string& path : paths) {
    auto refuse = [&](const std::string& why) { return base::format("{} {}: {}", option, base::printable(path), why); };
    if (auto why = policy::why_not_granted(path)) return Failure(base::invalid_argument(refuse(*why)));
    if (!base::path_exists(path.starts_with("~/") ? home + path.substr(1) : path))
      return Failure(base::not_found(refuse("it does not exist")));
    if (std::ranges::find(granted, path) == granted.end()) granted.push_back(path);
  }
  return {};
}

}  // namespace

Status add_grants(const core::RunRequest& request, policy::Policy& policy) {
  for (const std::string& path : request.write)
    if (std::ranges::find(request.read, path) != request.read.end())
      return Failure(base::invalid_argument("--read and --write contradict each other: " + base::printable(path)));
  HV_TRY(add(request.read, "--read", request.caller.home, policy.read));
  return add(request.write, "--write", request.caller.home, policy.write);
}

}  // namespace hv::service
