// TOML from outside, read strictly: every fault is told with file, line, column, key and what was expected, as many as
// there are in one pass. toml++ is included in toml.cc only, because it is slow to compile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::base::toml {

struct Document;  // the parsed tree and the faults found in it
struct Element;

// Where something stands, from 1; columns count characters, not bytes.
struct Place {
  uint32_t line = 0;
  uint32_t column = 0;
  auto operator<=>(const Place&) const = default;
};
struct Span {
  Place begin;
  Place end;  // one behind
};

// Reads the keys of one table. A getter answers nullopt for an absent key and for one of the wrong type; the latter is
// a fault. A table that is absent answers like an empty one.
class Table {
 public:
  std::optional<std::string> string(std::string_view key);
  // Like string(), and an absent key is a fault.
  std::optional<std::string> required_string(std::string_view key);
  std::optional<int64_t> integer(std::string_view key, int64_t least, int64_t most);
  std::optional<double> number(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::vector<std::string> strings(std::string_view key);
  std::vector<int64_t> integers(std::string_view key, int64_t least, int64_t most);
  Table table(std::string_view key);
  // The elements of an array of strings, whole numbers and tables; `expected` says which of them, for the fault about
  // any other: "an array of ports".
  std::vector<Element> elements(std::string_view key, std::string_view expected);
  // The one of `allowed` that the key's text names; another text is a fault that names the nearest.
  std::optional<size_t> choice(std::string_view key, const std::vector<std::string>& allowed);
  bool has(std::string_view key) const;
  // Whether the key's value is a text: for keys that take one of two kinds.
  bool is_text(std::string_view key) const;
  // Where the key's value stands; nullopt when it is absent.
  std::optional<Span> span(std::string_view key) const;
  // The same of element `index` of the key's array.
  std::optional<Span> span_at(std::string_view key, size_t index) const;
  // The keys of this table, in the file's order.
  std::vector<std::string> keys() const;

  // Adds a fault at the key's value: "expected a size such as \"2GiB\", found ...".
  void fault(std::string_view key, std::string message);
  // The same at element `index` of the key's array.
  void fault_at(std::string_view key, size_t index, std::string message);
  // Marks the key as known without reading it.
  void allow(std::string_view key);
  // A key with a meaning that is not there yet: a fault that says so when it is present, never a spelling error.
  void refuse(std::string_view key, std::string message);
  // Makes every key that no call above named a fault which names the nearest known one.
  void finish();

 private:
  friend class Reader;
  Table(Document* document, const void* node, std::string path)
      : document_(document), node_(node), path_(std::move(path)) {}
  const void* find(std::string_view key);
  std::string path_of(std::string_view key) const;

  Document* document_;
  const void* node_;  // toml::table, or nullptr
  std::string path_;  // "" or "limits."
  std::vector<std::string> known_;
};

// One of an array: exactly one of the three is there.
struct Element {
  std::optional<std::string> text;
  std::optional<int64_t> number;
  std::optional<Table> table;
  size_t index = 0;
  uint32_t line = 0;
  uint32_t column = 0;
};

class Reader {
 public:
  // `file` is what messages call the text. A syntax error is invalid_argument at once; toml++ stops at the first.
  static Result<Reader> parse(std::string_view text, std::string_view file);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  // The whole document. Tables stay valid as long as the reader is not moved from.
  Table root();
  // Faults unless the document says `version = <expected>` at its top; marks the key as known.
  void expect_version(Table& root, int64_t expected);
  // invalid_argument with one line per fault, in the file's order; success when there are none.
  Status finish() const;

 private:
  explicit Reader(std::unique_ptr<Document> document);
  std::unique_ptr<Document> document_;
};

}  // namespace hv::base::toml
