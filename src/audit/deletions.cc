#include "audit/deletions.h"

#include <algorithm>

namespace hv::audit {

namespace {

bool holds(const std::vector<Range>& ranges, uint64_t first, uint64_t last) {
  auto behind = std::ranges::upper_bound(ranges, first, {}, &Range::first);
  return behind != ranges.begin() && std::prev(behind)->last >= last;
}

}  // namespace

std::optional<Range> Deletions::range_of(const base::json::Object& payload) {
  const base::json::Value* first = payload.if_contains("first");
  const base::json::Value* last = payload.if_contains("last");
  auto is_index = [](const base::json::Value* value) {
    return value != nullptr && (value->is_uint64() || (value->is_int64() && value->get_int64() >= 0));
  };
  if (!is_index(first) || !is_index(last)) return std::nullopt;
  Range range{first->to_number<uint64_t>(), last->to_number<uint64_t>()};
  return range.first <= range.last ? std::optional(range) : std::nullopt;
}

bool Deletions::add(const base::json::Object& payload) {
  std::optional<Range> range = range_of(payload);
  if (!range) return false;
  std::string sandbox;
  if (const base::json::Value* of = payload.if_contains("sandbox")) {
    // A word that this version does not know narrows it to nothing rather than to all.
    if (!of->is_string() || of->get_string().empty()) return false;
    sandbox = std::string_view(of->get_string());
  }
  return add(*range, sandbox);
}

bool Deletions::add(const Range& range, const std::string& sandbox) {
  std::vector<Range>& ranges = ranges_[sandbox];
  if (holds(ranges, range.first, range.last)) return false;
  Range whole = range;
  // Those that it meets or touches become one with it.
  auto begin = std::ranges::find_if(ranges, [&](const Range& known) { return known.last + 1 >= whole.first; });
  auto end = begin;
  for (; end != ranges.end() && end->first <= whole.last + 1; ++end)
    whole = {std::min(whole.first, end->first), std::max(whole.last, end->last)};
  ranges.insert(ranges.erase(begin, end), whole);
  return true;
}

bool Deletions::covers(uint64_t index, const std::string& sandbox) const {
  for (const std::string* of : {&sandbox, static_cast<const std::string*>(nullptr)}) {
    auto found = ranges_.find(of == nullptr ? std::string_view() : std::string_view(*of));
    if (found != ranges_.end() && holds(found->second, index, index)) return true;
  }
  return false;
}

void Deletions::for_each(const std::function<void(const std::string& sandbox, const Range&)>& visit) const {
  for (const auto& [sandbox, ranges] : ranges_)
    for (const Range& range : ranges) visit(sandbox, range);
}

}  // namespace hv::audit
