// What one policy says differently from another, and whether that lets more or less happen. Pure.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace hv::policy {

struct Difference {
  enum class Effect { allows, denies, changes, records, omits };
  Effect effect = Effect::changes;  // what `after` does that `before` does not
  std::string key;
  std::string before;  // as TOML; empty: not said
  std::string after;
  bool operator==(const Difference&) const = default;
};

// By rules, in the order of the language: that a rule is covered by another one of the same policy is not looked at.
std::vector<Difference> differences(const Policy& before, const Policy& after);

}  // namespace hv::policy
