// A policy as a flat list of what it says, each with where that was written: the unit of explain, diff, degradation and
// the tests; and the policy as a file again.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace hv::policy {

struct Rule {
  std::string key;    // "limits.memory", "network.allow"
  std::string value;  // TOML: "\"4GiB\"", of a list one element
  Place place;        // no line: nobody wrote it, it is what an absent key means
  bool operator==(const Rule&) const = default;
};

// In the order of the language. What holds without being written (`network.default = "deny"`) is there too.
std::vector<Rule> rules_of(const Policy& policy);

// One line a rule, `KEY = VALUE (FILE:LINE)`.
std::string list_rules(const Policy& policy);

// A file that parses to the same policy, each line with the place that it comes from.
std::string to_toml(const Policy& policy);

// `"example.org:443"`, or a table where a text cannot say it.
std::string rule_to_toml(const core::EgressRule& rule);

}  // namespace hv::policy
