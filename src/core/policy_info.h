// What is asked of policies, and answered: the words of `hydravisor policy`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/audit_query.h"
#include "core/egress.h"
#include "core/host_info.h"

namespace hv::core {

// A file that is not a policy yet, or the one of that name when there is no text.
struct PolicyTextRequest {
  std::optional<std::string> text;
  std::string path;  // what messages call it
};

struct PolicyReport {
  bool valid = false;
  std::vector<std::string> faults;    // "mine.toml:4:1: limits.memry: unknown key (did you mean 'memory'?)"
  std::vector<std::string> warnings;  // what can never matter, in the same form
};

// One thing that a policy says.
struct PolicyRuleInfo {
  std::string key;     // "network.allow"
  std::string value;   // as a policy spells it
  std::string origin;  // "mine.toml:12"; "default" when nobody wrote it
  std::string keeper;  // "kernel", "gateway", "supervisor", "start", "daemon", "observed", "impossible"
  std::string by;      // what keeps it, or why nothing does
  std::string not_covered;
};

struct PolicyExplanation {
  std::string name;
  std::string description;
  std::vector<PolicyRuleInfo> rules;
  std::vector<std::string> warnings;
};

struct PolicyQuestion {
  std::vector<std::string> question;  // {"connect", "example.org:443"}
  std::string workspace;              // what relative patterns are about; empty: none
  std::string home;
};

struct PolicyAnswer {
  std::string question;
  Verdict verdict = Verdict::deny;
  std::string key;
  std::string rule;
  std::string origin;
  std::string reason;
  std::string keeper;
  std::string by;
};

struct PolicyDiffRequest {
  std::string other;
};

// The last two are about what is recorded.
enum class PolicyEffect { allows, denies, changes, records, omits };

struct PolicyDifference {
  PolicyEffect effect = PolicyEffect::changes;  // what the other one does that the first does not
  std::string key;
  std::string before;  // empty: the first does not say it
  std::string after;
};

struct PolicyDiff {
  std::string before;
  std::string after;
  std::vector<PolicyDifference> items;
};

struct PolicySimulateRequest {
  std::optional<std::string> sandbox;  // a name or id, also of one that is gone; absent: the whole ledger
  // Records of elsewhere instead, in parts; `starts` are earlier starts of their sandboxes, which are not judged.
  std::optional<std::vector<AuditRecord>> records;
  std::vector<AuditRecord> starts;
};

struct PolicyDenial {
  uint64_t index = 0;  // of the record
  std::string kind;
  PolicyAnswer answer;
};

// A rule of behavior that would have fired.
struct PolicyFiring {
  uint64_t index = 0;  // of the record with which it would have
  std::string sandbox;
  std::string rule;
  std::string origin;
  std::string response;
  bool dry_run = false;
  std::vector<uint64_t> records;  // that caused it, the last 64
  uint64_t amount = 0;            // what a rate or a sum came to
  std::string value;              // what was seen for the first time
};

struct PolicySimulation {
  std::string policy;
  uint64_t records = 0;  // that were looked at
  uint64_t asked = 0;    // that a policy has a say in
  uint64_t denied_count = 0;
  std::vector<PolicyDenial> denied;  // the first 200
  uint64_t fired_count = 0;
  std::vector<PolicyFiring> fired;  // the first 200
};

struct PolicyLearnRequest {
  std::string name;  // of the policy
};

struct PolicyLearned {
  std::string name;
  std::string text;
  uint64_t records = 0;
};

// A new file among the user's own policies.
struct PolicyWriteRequest {
  std::string text;
  bool replace = false;
};

template <>
struct Names<PolicyEffect> {
  static constexpr std::string_view kind = "effect";
  static constexpr std::array<std::pair<PolicyEffect, std::string_view>, 5> table{{{PolicyEffect::allows, "allows"},
                                                                                   {PolicyEffect::denies, "denies"},
                                                                                   {PolicyEffect::changes, "changes"},
                                                                                   {PolicyEffect::records, "records"},
                                                                                   {PolicyEffect::omits, "omits"}}};
};

}  // namespace hv::core
