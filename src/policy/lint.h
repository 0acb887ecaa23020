// What of a policy can never matter, or says two things at once: no errors, since the policy is kept as it is written.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace hv::policy {

struct Warning {
  Place place;
  std::string key;
  std::string message;
  // "mine.toml:4:9: network.allow: ..."
  std::string text() const;
};

// Of a resolved policy, in the order of their places.
std::vector<Warning> find_warnings(const Policy& policy);

}  // namespace hv::policy
