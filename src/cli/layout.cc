#include "cli/layout.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace hv::cli {

namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 6;

// Blocks of the East Asian Width property W and F, and emoji, coarse: a column too many is better than one too few.
constexpr auto kWide = std::to_array<std::pair<uint32_t, uint32_t>>({
    {0x1100, 0x115f}, {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2614, 0x2615},   {0x26a1, 0x26a1},
    {0x2705, 0x2705}, {0x274c, 0x274c},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
    {0xa960, 0xa97f}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f000, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
});
constexpr auto kCombining = std::to_array<std::pair<uint32_t, uint32_t>>({{0x300, 0x36f},
                                                                          {0x483, 0x489},
                                                                          {0x591, 0x5bd},
                                                                          {0x610, 0x61a},
                                                                          {0x64b, 0x65f},
                                                                          {0x1ab0, 0x1aff},
                                                                          {0x1dc0, 0x1dff},
                                                                          {0x20d0, 0x20ff},
                                                                          {0xfe00, 0xfe0f},
                                                                          {0xfe20, 0xfe2f}});

bool lies_in(uint32_t point, const auto& ranges) {
  return std::ranges::any_of(ranges, [&](const auto& range) { return point >= range.first && point <= range.second; });
}

// The first character of a text that is UTF-8: its length and columns.
std::pair<size_t, size_t> first_character(std::string_view text) {
  auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {1, 1};
  size_t length = std::min<size_t>(lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2, text.size());
  uint32_t point = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) point = point << 6 | (static_cast<uint8_t>(text[i]) & 0x3fu);
  return {length, lies_in(point, kCombining) ? 0 : lies_in(point, kWide) ? 2 : 1};
}

}  // namespace

size_t display_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    auto [length, columns] = first_character(text);
    width += columns;
    text.remove_prefix(length);
  }
  return width;
}

std::string shorten(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  size_t used = 1;  // the ellipsis
  while (!text.empty()) {
    auto [length, columns] = first_character(text);
    if (used + columns > width) break;
    out.append(text.substr(0, length));
    used += columns;
    text.remove_prefix(length);
  }
  return out + "\xe2\x80\xa6";
}

std::string wrap(std::string_view text, size_t width, size_t indent, size_t column) {
  std::string out;
  bool first_word = true;
  while (!text.empty()) {
    size_t start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    if (text[0] == '\n') {
      out.append("\n").append(indent, ' ');
      column = indent;
      first_word = true;
      text.remove_prefix(1);
      continue;
    }
    size_t end = text.find_first_of(" \n");
    std::string_view word = text.substr(0, end);
    size_t columns = display_width(word);
    if (!first_word && column + 1 + columns > width) {
      out.append("\n").append(indent, ' ');
      column = indent;
    } else if (!first_word) {
      out.push_back(' ');
      ++column;
    }
    out.append(word);
    column += columns;
    first_word = false;
    text.remove_prefix(word.size());
  }
  return out;
}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = base::printable(cell);
  row.resize(header_.size());
  rows_.push_back(std::move(row));
}

std::string Table::render(size_t width) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < header_.size(); ++column) {
    size_t widest = display_width(header_[column]);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[column]));
    widths.push_back(widest);
  }
  auto total = [&] {
    size_t sum = kGap * (widths.size() - 1);
    for (size_t w : widths) sum += w;
    return sum;
  };
  while (total() > width) {
    auto widest = std::ranges::max_element(widths);
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  std::string out;
  auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t column = 0; column < cells.size(); ++column) {
      std::string cell = shorten(cells[column], widths[column]);
      text.append(cell);
      if (column + 1 < cells.size())
        text.append(widths[column] - std::min(widths[column], display_width(cell)) + kGap, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out.append(text).push_back('\n');
  };
  line(header_);
  for (const auto& row : rows_) line(row);
  return out;
}

}  // namespace hv::cli
