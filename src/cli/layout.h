// Text fitted to a width: paragraphs, tables, the width of a string on a terminal. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hv::cli {

// Columns that `text` takes on a terminal: 2 for East Asian wide characters and emoji, 0 for combining marks. Printable
// text only.
size_t display_width(std::string_view text);
// At most `width` columns; what is cut ends in an ellipsis.
std::string shorten(std::string_view text, size_t width);
// Words broken into lines of at most `width`, each line after the first indented by `indent`; the first begins at
// `column`. No newline at the end.
std::string wrap(std::string_view text, size_t width, size_t indent = 0, size_t column = 0);

inline constexpr size_t kUnlimited = static_cast<size_t>(-1);

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  // Cells are made printable here.
  void add(std::vector<std::string> row);
  // Columns two spaces apart. Where the rows are wider than `width`, the widest columns are shortened. A newline after
  // each line.
  std::string render(size_t width) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hv::cli
