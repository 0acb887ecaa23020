// The options by which records are chosen, the same in every command that reads the ledger.
#pragma once

#include <algorithm>
#include <array>

#include "base/result.h"
#include "cli/command.h"
#include "core/audit_query.h"

namespace hv::cli {

class Arguments;

inline constexpr Option kSandboxOption = {.name = "sandbox",
                                          .value = "NAME",
                                          .help = "Only what concerns this sandbox, by name or id",
                                          .completion = Completion::sandboxes};
inline constexpr Option kKindOption = {
    .name = "kind", .value = "KIND", .help = "Only this kind, such as exec.started, or a family of them, such as exec"};
inline constexpr Option kPrincipalOption = {
    .name = "principal", .value = "WHO", .help = "Only what this one caused: user:1000, agent:ID, system"};
inline constexpr Option kPathOption = {
    .name = "path", .value = "PATH", .help = "Only what names this file or directory, or something below it"};
inline constexpr Option kHostOption = {
    .name = "host", .value = "HOST", .help = "Only what names this host, one below it, or this address"};
inline constexpr Option kVerdictOption = {
    .name = "verdict", .value = "VERDICT", .help = "Only what the policy answered so: allow, ask, deny"};
inline constexpr Option kRiskOption = {
    .name = "risk", .value = "RISK", .help = "Only what is at least this risky: low, medium, high"};
inline constexpr Option kSinceOption = {
    .name = "since", .value = "TIME", .help = "Only from then on: 30m, 2026-11-23, or 2026-11-23T18:00:00Z"};
inline constexpr Option kUntilOption = {.name = "until", .value = "TIME", .help = "Only before then"};

inline constexpr std::array kQueryOptions{kSandboxOption, kKindOption, kPrincipalOption, kPathOption, kHostOption,
                                          kVerdictOption, kRiskOption, kSinceOption,     kUntilOption};

// A command's options: those of the query and its own.
template <size_t N>
consteval std::array<Option, kQueryOptions.size() + N> with_query_options(const Option (&own)[N]) {
  std::array<Option, kQueryOptions.size() + N> all;
  std::ranges::copy(own, std::ranges::copy(kQueryOptions, all.begin()).out);
  return all;
}

// From the options above, as far as the command has them.
base::Result<core::AuditQuery> read_audit_query(const Arguments& arguments);

}  // namespace hv::cli
