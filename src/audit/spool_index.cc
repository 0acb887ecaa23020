#include "audit/spool_index.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "audit/crc32c.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr std::string_view kTitle = "hydravisor spool marks v1\n";

bool parse_number(std::string_view text, uint64_t& value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<SpoolIndex::Name> SpoolIndex::to_name(std::string_view spool) {
  Name name{};
  if (spool.size() >= name.size()) return std::nullopt;
  std::ranges::copy(spool, name.begin());
  return name;
}

void SpoolIndex::put(RetiredMarks& marks, const Retired& one) {
  auto place = std::ranges::lower_bound(marks, one.spool, {}, &Retired::spool);
  if (place != marks.end() && place->spool == one.spool)
    place->mark = one.mark;
  else
    marks.insert(place, one);
}

const SpoolIndex::Mark* SpoolIndex::find(const RetiredMarks& marks, std::string_view spool) {
  std::optional<Name> name = to_name(spool);
  if (!name) return nullptr;
  auto place = std::ranges::lower_bound(marks, *name, {}, &Retired::spool);
  return place != marks.end() && place->spool == *name ? &place->mark : nullptr;
}

void SpoolIndex::note(const core::Origin& origin, uint64_t index) {
  auto [entry, is_new] = marks_.try_emplace(origin.spool);
  Mark& mark = entry->second;
  if (is_new) {
    // Of a sandbox that is gone something can still come in.
    if (const Mark* known = find(retired_, origin.spool))
      mark = *known;
    else if (const Mark* earlier = find(former_, origin.spool))
      mark = *earlier;
  }
  if (origin.sequence < mark.sequence) return;
  mark.sequence = origin.sequence;
  mark.index = index;
}

void SpoolIndex::retire(const std::string& sandbox) {
  for (const char* spool : {"", "/files"}) {
    auto found = marks_.find(sandbox + spool);
    if (found == marks_.end()) continue;
    // A name that no sandbox of ours has stays where it is.
    if (std::optional<Name> name = to_name(found->first)) {
      put(retired_, {*name, found->second});
      marks_.erase(found);
    }
  }
}

void SpoolIndex::turn() {
  former_ = std::exchange(retired_, {});
}

std::optional<SpoolIndex::Mark> SpoolIndex::find(const std::string& spool) const {
  if (auto found = marks_.find(spool); found != marks_.end()) return found->second;
  if (const Mark* mark = find(retired_, spool)) return *mark;
  if (const Mark* mark = find(former_, spool)) return *mark;
  return std::nullopt;
}

std::string SpoolIndex::file_name(uint64_t first_index) {
  return base::format("{:020}.spools", first_index);
}

std::string SpoolIndex::encode() const {
  std::string text(kTitle);
  auto put = [&text](std::string_view spool, const Mark& mark, std::string_view ending) {
    text += base::format("{}\t{}\t{}{}\n", spool, mark.sequence, mark.index, ending);
  };
  for (const Retired& one : former_) put(one.spool.data(), one.mark, "\tretired");
  // Known to the present segment's own records.
  for (const Retired& one : retired_) put(one.spool.data(), one.mark, "");
  for (const auto& [spool, mark] : marks_) put(spool, mark, "");
  return text + base::format("crc32c {:08x}\n", crc32c(text));
}

base::Result<SpoolIndex> SpoolIndex::decode(std::string_view text) {
  auto bad = [] { return base::Failure(base::invalid_argument("not a file of spool marks, or a damaged one")); };
  constexpr size_t kTail = 16;  // "crc32c XXXXXXXX\n"
  if (!text.starts_with(kTitle) || text.size() < kTitle.size() + kTail) return bad();
  std::string_view body = text.substr(0, text.size() - kTail);
  if (text.substr(body.size()) != base::format("crc32c {:08x}\n", crc32c(body))) return bad();
  body.remove_prefix(kTitle.size());
  SpoolIndex index;
  while (!body.empty()) {
    size_t end = body.find('\n');
    if (end == std::string_view::npos) return bad();
    std::vector<std::string> fields = base::split(body.substr(0, end), '\t');
    body.remove_prefix(end + 1);
    Mark mark;
    bool retired = fields.size() == 4 && fields[3] == "retired";
    if (fields.size() != (retired ? 4u : 3u) || !parse_number(fields[1], mark.sequence) ||
        !parse_number(fields[2], mark.index))
      return bad();
    std::optional<Name> name = retired ? to_name(fields[0]) : std::nullopt;
    if (name)
      put(index.former_, {*name, mark});
    else
      index.marks_[fields[0]] = mark;
  }
  return index;
}

}  // namespace hv::audit
