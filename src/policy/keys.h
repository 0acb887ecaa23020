// Every key of the language as data: how a policy's value of it is read out, written down and taken over. Merging,
// listing, writing and the published schema go by these tables, so that none of them can forget one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace hv::policy {

// What stands for a value in TOML.
enum class Shape { size, time, integer, number, boolean, choice, proof, text };

struct ValueKey {
  std::string_view key;  // "limits.memory"
  Shape shape = Shape::text;
  std::string_view example;  // TOML
  std::string_view choices;  // of Shape::choice: "cow live ro none"
  std::string_view help;
  std::string (*value)(const Policy&);  // as TOML; of what is absent too
  void (*take)(Policy& to, const Policy& from);
};

struct ListKey {
  std::string_view key;
  std::string_view example;
  std::string_view help;
  std::vector<std::string>& (*list)(Policy&);
};

std::span<const ValueKey> value_keys();
std::span<const ListKey> list_keys();
inline const std::vector<std::string>& items_of(const ListKey& key, const Policy& policy) {
  return key.list(const_cast<Policy&>(policy));
}

// The keys that have a form of their own.
inline constexpr std::string_view kRuleKeys[] = {"network.allow", "network.ask", "network.deny"};
inline constexpr std::string_view kHostServices = "network.host_services";
inline constexpr std::string_view kVariables = "environment.set";
inline constexpr std::string_view kBehaviorRules = "behavior.rules";

// Sections and keys that the language will have and this version cannot keep. Accepting them would promise what does
// not hold.
inline constexpr std::string_view kPlannedSections[] = {"secrets", "approvals", "models"};
inline constexpr std::string_view kPlannedNetwork[] = {"dns", "rules", "inspect", "mode"};

// What somebody might want to keep out of the record, and nobody can: a record that leaves these out shows nothing.
inline constexpr std::string_view kAlwaysRecorded[] = {"access",    "approvals", "behavior", "calls",  "connections",
                                                       "decisions", "denials",   "exec",     "ledger", "life_cycle",
                                                       "network",   "programs",  "sandbox"};

// All keys that can be enforced or not, for `security.allow_degraded` and `--allow-degraded`.
std::vector<std::string> degradable_keys();

// A TOML basic string.
std::string quote_toml(std::string_view text);

}  // namespace hv::policy
