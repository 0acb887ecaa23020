#include "workspace/diff.h"

#include <algorithm>
#include <cstring>
#include <set>

#include <unistd.h>

#include "base/format.h"

namespace hv::workspace {

using base::Failure;
using base::Fd;
using base::Result;
using core::DiffLine;

static Result<std::string> side(const Tree& tree, const std::optional<Entry>& entry, const std::string& path,
                                const std::string& target) {
  if (!entry || entry->type == FileType::directory) return std::string{};
  if (entry->type == FileType::symlink) return target;
  if (entry->type != FileType::regular) return std::string{};
  Fd fd = HV_TRY(tree.open_regular(path));
  return base::read_all(fd.get(), largest_compared);
}

static bool too_large(const std::optional<Entry>& entry) {
  return entry && entry->type == FileType::regular && entry->size > largest_compared;
}

Result<std::optional<Sides>> read_sides(const Tree& lower, const Tree& upper, const Change& change) {
  if (too_large(change.before) || too_large(change.old_entry) || too_large(change.after)) return std::nullopt;
  Sides sides;
  bool renamed = !change.old_path.empty();
  sides.before = HV_TRY(side(lower, renamed ? change.old_entry : change.before, renamed ? change.old_path : change.path,
                             change.target_before));
  if (change.kind != core::ChangeKind::deleted)
    sides.after = HV_TRY(side(upper, change.after, change.path, change.target_after));
  return sides;
}

// Whether a file has a NUL byte near its beginning, for those that are too large to be read whole.
static bool begins_binary(const Tree& tree, const std::optional<Entry>& entry, const std::string& path) {
  if (!entry || entry->type != FileType::regular) return false;
  auto fd = tree.open_regular(path);
  if (!fd) return false;
  char beginning[8000];
  ssize_t count = ::pread(fd->get(), beginning, sizeof beginning, 0);
  return count > 0 && std::memchr(beginning, 0, static_cast<size_t>(count)) != nullptr;
}

static uint64_t text_size(const std::vector<core::Hunk>& hunks) {
  uint64_t size = 0;
  for (const core::Hunk& hunk : hunks)
    for (const DiffLine& line : hunk.lines) size += line.text.size() + 40;
  return size;
}

static void compare_lines(core::FileChange& shown, const Tree& lower, const Tree& upper, const Change& change,
                          const LineDiffer& differ) {
  if (change.kind == core::ChangeKind::mode_changed || !change.problem.empty()) return;
  auto sides = read_sides(lower, upper, change);
  if (!sides || !*sides) {
    shown.truncated = true;
    shown.binary = begins_binary(lower, change.before, change.path) || begins_binary(upper, change.after, change.path);
    return;
  }
  if ((*sides)->before.empty() && (*sides)->after.empty()) return;
  auto lines = differ((*sides)->before, (*sides)->after);
  if (!lines) {
    shown.truncated = true;
    return;
  }
  shown.binary = lines->binary;
  shown.added_lines = lines->added_lines;
  shown.removed_lines = lines->removed_lines;
  shown.hunks = std::move(lines->hunks);
}

std::vector<core::FileChange> describe_changes(const Tree& lower, const Tree& upper, const std::vector<Change>& changes,
                                               const LineDiffer& differ, bool statistics_only) {
  std::vector<core::FileChange> shown;
  shown.reserve(changes.size());
  uint64_t total = 0;
  std::set<std::string_view> moved;
  for (const Change& change : changes)
    if (!change.old_path.empty()) moved.insert(change.old_path);
  for (const Change& change : changes) {
    // A file that moved is shown where it went.
    if (change.kind == core::ChangeKind::deleted && moved.contains(change.path)) continue;
    core::FileChange file = to_file_change(change);
    compare_lines(file, lower, upper, change, differ);
    if (statistics_only) {
      file.hunks.clear();
    } else {
      total += text_size(file.hunks);
      if (total > largest_report) {
        file.hunks.clear();
        file.truncated = true;
      }
    }
    shown.push_back(std::move(file));
  }
  return shown;
}

// One line of `text` from `at`, its newline included.
static std::string_view take_line(std::string_view text, size_t& at) {
  size_t end = text.find('\n', at);
  end = end == std::string_view::npos ? text.size() : end + 1;
  std::string_view line = text.substr(at, end - at);
  at = end;
  return line;
}

Result<std::string> apply_hunks(std::string_view before, const std::vector<core::Hunk>& hunks,
                                const std::vector<uint32_t>& chosen) {
  for (uint32_t index : chosen)
    if (index >= hunks.size())
      return Failure(base::invalid_argument(
          base::format("hunk {} of {}: counted from 0, the last is {}", index, hunks.size(), hunks.size() - 1)));
  std::string result;
  size_t at = 0;
  uint32_t line_number = 1;  // of `before`, the next to be read
  for (uint32_t index = 0; index < hunks.size(); ++index) {
    if (std::ranges::find(chosen, index) == chosen.end()) continue;
    const core::Hunk& hunk = hunks[index];
    // A hunk that removes and keeps nothing names the line after which it adds.
    uint32_t first = hunk.old_lines == 0 ? hunk.old_start + 1 : hunk.old_start;
    for (; line_number < first && at < before.size(); ++line_number) result += take_line(before, at);
    for (const DiffLine& line : hunk.lines) {
      std::string text = line.text + (line.no_newline ? "" : "\n");
      if (line.kind != DiffLine::Kind::added) {
        if (at >= before.size() || take_line(before, at) != text)
          return Failure(
              base::conflict(base::format("hunk {}: the host's file is no longer what it was made from", index)));
        ++line_number;
      }
      if (line.kind != DiffLine::Kind::removed) result += text;
    }
  }
  result += before.substr(at);
  return result;
}

}  // namespace hv::workspace
