#include "audit/spool_index.h"

#include <charconv>

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

void SpoolIndex::note(const core::Origin& origin, uint64_t index) {
  Mark& mark = marks_[origin.spool];
  if (origin.sequence < mark.sequence) return;
  mark.sequence = origin.sequence;
  mark.index = index;
}

void SpoolIndex::retire(const std::string& sandbox) {
  for (const char* spool : {"", "/files"})
    if (marks_.contains(sandbox + spool)) retired_.push_back(sandbox + spool);
}

void SpoolIndex::turn() {
  std::erase_if(marks_, [](const auto& entry) { return entry.second.retired; });
  for (const std::string& spool : retired_)
    if (auto found = marks_.find(spool); found != marks_.end()) found->second.retired = true;
  retired_.clear();
}

std::optional<SpoolIndex::Mark> SpoolIndex::find(const std::string& spool) const {
  auto found = marks_.find(spool);
  if (found == marks_.end()) return std::nullopt;
  return found->second;
}

std::string SpoolIndex::file_name(uint64_t first_index) {
  return base::format("{:020}.spools", first_index);
}

std::string SpoolIndex::encode() const {
  std::string text(kTitle);
  for (const auto& [spool, mark] : marks_)
    text += base::format("{}\t{}\t{}{}\n", spool, mark.sequence, mark.index, mark.retired ? "\tretired" : "");
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
    mark.retired = fields.size() == 4 && fields[3] == "retired";
    if (fields.size() != (mark.retired ? 4u : 3u) || !parse_number(fields[1], mark.sequence) ||
        !parse_number(fields[2], mark.index))
      return bad();
    index.marks_[fields[0]] = mark;
  }
  return index;
}

}  // namespace hv::audit
