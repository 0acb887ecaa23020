// Which added file was a deleted one. Only for showing: apply treats the two as what they are, an addition and a
// deletion that go together.
#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "workspace/changes.h"

namespace hv::workspace {

namespace {

// Bounds of the search by similarity, which reads and compares every pair.
constexpr size_t most_candidates = 100;
constexpr uint64_t largest_similar = uint64_t{256} << 10;

struct Lines {
  std::unordered_map<size_t, size_t> counts;  // hash of a line -> bytes in such lines
  size_t bytes = 0;
};

Lines lines_of(const Tree& tree, const std::string& path) {
  Lines lines;
  auto fd = tree.open_regular(path);
  if (!fd) return lines;
  auto text = base::read_all(fd->get(), largest_similar * 2);
  if (!text) return lines;
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    lines.counts[std::hash<std::string_view>{}(line)] += line.size() + 1;
    lines.bytes += line.size() + 1;
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return lines;
}

// The share of the larger file's bytes that lie in lines of both.
double similarity(const Lines& first, const Lines& second) {
  size_t common = 0;
  for (const auto& [hash, bytes] : first.counts)
    if (auto found = second.counts.find(hash); found != second.counts.end()) common += std::min(bytes, found->second);
  size_t larger = std::max(first.bytes, second.bytes);
  return larger == 0 ? 0 : static_cast<double>(common) / static_cast<double>(larger);
}

bool is_regular(const std::optional<Entry>& entry) {
  return entry && entry->type == FileType::regular && entry->size > 0;
}

void pair_up(Change& added, Change& deleted) {
  added.old_path = deleted.path;
  added.old_entry = deleted.before;
  // That it is a copy of a file the host no longer has at this place is explained.
  added.conflict.clear();
  // Each deleted file serves once.
  deleted.old_entry = deleted.before;
}

}  // namespace

void find_renames(const Tree& lower, const Tree& upper, std::vector<Change>& changes) {
  std::vector<Change*> added;
  std::vector<Change*> deleted;
  std::multimap<uint64_t, Change*> deleted_by_size;
  for (Change& change : changes) {
    if (!change.problem.empty()) continue;
    if (change.kind == core::ChangeKind::added && is_regular(change.after)) added.push_back(&change);
    if (change.kind == core::ChangeKind::deleted && is_regular(change.before)) {
      deleted.push_back(&change);
      deleted_by_size.emplace(change.before->size, &change);
    }
  }
  for (Change* candidate : added) {
    auto [begin, end] = deleted_by_size.equal_range(candidate->after->size);
    for (auto at = begin; at != end; ++at) {
      auto old_file = lower.open_regular(at->second->path);
      auto new_file = upper.open_regular(candidate->path);
      if (!old_file || !new_file) continue;
      auto same = same_content(old_file->get(), new_file->get());
      if (!same || !*same) continue;
      pair_up(*candidate, *at->second);
      deleted_by_size.erase(at);
      break;
    }
  }
  std::erase_if(added,
                [](Change* change) { return !change->old_path.empty() || change->after->size > largest_similar; });
  std::erase_if(deleted, [](Change* change) { return change->old_entry || change->before->size > largest_similar; });
  if (added.size() > most_candidates || deleted.size() > most_candidates) return;
  std::map<Change*, Lines> old_lines;
  for (Change* candidate : deleted) old_lines[candidate] = lines_of(lower, candidate->path);
  for (Change* candidate : added) {
    Lines lines = lines_of(upper, candidate->path);
    Change* best = nullptr;
    double best_share = 0.5;
    for (Change* old : deleted) {
      double share = old->old_entry ? 0 : similarity(lines, old_lines[old]);
      if (share > best_share) best = old, best_share = share;
    }
    if (best != nullptr) pair_up(*candidate, *best);
  }
}

}  // namespace hv::workspace
