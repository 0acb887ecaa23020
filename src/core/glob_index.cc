#include "core/glob_index.h"

#include <algorithm>
#include <string>

namespace hv::core {

namespace {

constexpr size_t kLength = 3;

uint32_t key_of(std::string_view three) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(three[i])); };
  return byte(0) << 16U | byte(1) << 8U | byte(2);
}

}  // namespace

GlobIndex::GlobIndex(std::vector<Glob> globs) : globs_(std::move(globs)) {
  for (size_t i = 0; i < globs_.size(); ++i) {
    // The emptiest of the places where it could stand: what many patterns have in common tells none of them apart.
    std::vector<size_t>* emptiest = nullptr;
    for (const std::string& text : globs_[i].fixed_text())
      for (size_t at = 0; at + kLength <= text.size(); ++at) {
        std::vector<size_t>& place = by_text_[key_of(std::string_view(text).substr(at, kLength))];
        if (emptiest == nullptr || place.size() < emptiest->size()) emptiest = &place;
      }
    (emptiest == nullptr ? others_ : *emptiest).push_back(i);
  }
  std::erase_if(by_text_, [](const auto& entry) { return entry.second.empty(); });
}

template <typename Test>
std::optional<size_t> GlobIndex::first(std::span<const std::string_view> names, size_t end, const Test& test) const {
  size_t best = end;
  auto try_all = [&](const std::vector<size_t>& indexes) {
    for (size_t index : indexes) {
      if (index >= best) break;
      if (test(globs_[index])) best = index;
    }
  };
  try_all(others_);
  if (!by_text_.empty()) {
    std::string text = "/";
    for (std::string_view name : names) text.append(name).append("/");
    for (size_t at = 0; at + kLength <= text.size(); ++at)
      if (auto found = by_text_.find(key_of(std::string_view(text).substr(at, kLength))); found != by_text_.end())
        try_all(found->second);
  }
  return best == end ? std::nullopt : std::optional(best);
}

std::optional<size_t> GlobIndex::first_covering(std::span<const std::string_view> names, size_t end) const {
  return first(names, end, [&](const Glob& glob) { return glob.covers(names); });
}

bool GlobIndex::any_matches(std::span<const std::string_view> names) const {
  return first(names, ~size_t{0}, [&](const Glob& glob) { return glob.matches(names); }).has_value();
}

}  // namespace hv::core
