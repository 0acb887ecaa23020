#include "audit/report.h"

#include <array>

#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

// What was pruned over the years is a note each.
constexpr size_t kMostNotes = 100;

std::string text_of(const Problem& problem) {
  std::string where;
  if (problem.entries && problem.entries->last != problem.entries->first)
    where = base::format("entries {}-{}: ", problem.entries->first, problem.entries->last);
  return base::format("{}{}: {}", where, problem_name(problem.kind), base::printable(problem.message));
}

}  // namespace

void add_to_ranges(std::vector<Range>& ranges, uint64_t index) {
  if (!ranges.empty() && ranges.back().last + 1 == index) {
    ranges.back().last = index;
  } else {
    ranges.push_back({index, index});
  }
}

void note_later_entries(Report& report) {
  for (const Range& range : report.later_entries)
    report.notes.push_back(base::format(
        "{}: of a version that this program does not know; kept and proven as it is, the payload not looked at",
        range_text(range)));
}

std::string range_text(const Range& range) {
  return range.first == range.last ? base::format("entry {}", range.first)
                                   : base::format("entries {} to {}", range.first, range.last);
}

std::string_view problem_name(ProblemKind kind) {
  constexpr std::array<std::string_view, 13> kNames{
      "changed",   "missing",     "inserted",    "reordered",      "truncated",    "damaged",   "payload_changed",
      "rewritten", "rolled_back", "key_swapped", "checkpoint_bad", "tile_changed", "unreadable"};
  return kNames[static_cast<size_t>(kind)];
}

core::VerifyReport summary(const Report& report) {
  core::VerifyReport result;
  result.intact = report.intact();
  result.origin = report.origin;
  result.entries = report.entries;
  result.sealed = report.sealed;
  result.from = report.from;
  result.keys = report.keys.size();
  if (!report.keys.empty()) result.first_key = report.keys[0];
  if (report.checkpoint) result.root_hash = base::to_hex(base::as_view(report.checkpoint->root));
  for (const std::string& note : report.notes) {
    if (result.notes.size() == kMostNotes) {
      result.notes.push_back(base::format("and {} more", report.notes.size() - kMostNotes));
      break;
    }
    result.notes.push_back(base::printable(note));
  }
  for (const Problem& problem : report.problems) {
    std::optional<uint64_t> first;
    if (problem.entries) first = problem.entries->first;
    result.faults.push_back({first, text_of(problem)});
  }
  return result;
}

}  // namespace hv::audit
