// The policies that are part of the program, embedded from data/policies. C23's #embed is an extension in C++: the
// warning is silenced here. The ccache of Debian 12 does not see embedded files; the word __TIME__ in this comment
// turns its short cut off for this file.
#pragma clang diagnostic ignored "-Wc23-extensions"

#include "policy/catalog.h"

namespace hv::policy {

namespace {

constexpr char kRestricted[] = {
#embed "../../data/policies/restricted.toml"
};
constexpr char kStandard[] = {
#embed "../../data/policies/standard.toml"
};
constexpr char kLocked[] = {
#embed "../../data/policies/locked.toml"
};

struct Shipped {
  std::string_view name;
  std::string_view text;
};

constexpr Shipped kShipped[] = {
    {"locked", {kLocked, sizeof kLocked}},
    {"restricted", {kRestricted, sizeof kRestricted}},
    {"standard", {kStandard, sizeof kStandard}},
};

}  // namespace

std::string_view shipped_policy(std::string_view name) {
  for (const Shipped& shipped : kShipped)
    if (shipped.name == name) return shipped.text;
  return {};
}

std::vector<std::string> shipped_policy_names() {
  std::vector<std::string> names;
  for (const Shipped& shipped : kShipped) names.emplace_back(shipped.name);
  return names;
}

}  // namespace hv::policy
