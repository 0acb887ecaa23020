#include "base/toml.h"

#include <algorithm>
#include <tuple>

#include <toml++/toml.h>

#include "base/format.h"
#include "base/text.h"

namespace hv::base::toml {

namespace {

struct Fault {
  uint32_t line;
  uint32_t column;
  std::string text;
};

const ::toml::table& as_table(const void* node) {
  return *static_cast<const ::toml::table*>(node);
}
const ::toml::node& as_node(const void* node) {
  return *static_cast<const ::toml::node*>(node);
}

std::string quoted(std::string_view text) {
  return "\"" + printable(text.substr(0, 80)) + "\"";
}

// What stands there, in a person's words: "the integer 5", "a table".
std::string found(const ::toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return "the string " + quoted(*text);
  if (auto integer = node.value_exact<int64_t>()) return "the integer " + std::to_string(*integer);
  if (auto flag = node.value_exact<bool>()) return *flag ? "the boolean true" : "the boolean false";
  if (auto number = node.value_exact<double>()) return format("the number {}", *number);
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  return "a date or time";
}

std::string range_text(int64_t least, int64_t most) {
  return format("a whole number from {} to {}", least, most);
}

}  // namespace

struct Document {
  ::toml::table root;
  std::string file;
  std::vector<Fault> faults;

  void add(const ::toml::source_region& where, std::string_view path, std::string_view message) {
    faults.push_back(
        {where.begin.line, where.begin.column,
         format("{}:{}:{}: {}: {}", file, where.begin.line, where.begin.column, printable(path), message)});
  }
};

std::string Table::path_of(std::string_view key) const {
  return path_ + std::string(key);
}

const void* Table::find(std::string_view key) {
  allow(key);
  return node_ == nullptr ? nullptr : as_table(node_).get(key);
}

bool Table::has(std::string_view key) const {
  return node_ != nullptr && as_table(node_).contains(key);
}

std::vector<std::string> Table::keys() const {
  std::vector<std::pair<std::pair<uint32_t, uint32_t>, std::string>> placed;
  if (node_ != nullptr)
    for (const auto& [key, value] : as_table(node_))
      placed.push_back({{key.source().begin.line, key.source().begin.column}, std::string(key.str())});
  std::ranges::sort(placed);
  std::vector<std::string> names;
  for (auto& [place, name] : placed) names.push_back(std::move(name));
  return names;
}

void Table::allow(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
}

void Table::refuse(std::string_view key, std::string message) {
  allow(key);
  if (node_ == nullptr) return;
  auto it = as_table(node_).find(key);
  if (it != as_table(node_).end()) document_->add(it->first.source(), path_of(key), message);
}

void Table::fault(std::string_view key, std::string message) {
  const auto* node = node_ == nullptr ? nullptr : as_table(node_).get(key);
  if (node != nullptr)
    document_->add(node->source(), path_of(key), message);
  else
    document_->add(node_ == nullptr ? ::toml::source_region{{1, 1}, {1, 1}, nullptr} : as_table(node_).source(),
                   path_of(key), message);
}

void Table::fault_at(std::string_view key, size_t index, std::string message) {
  const ::toml::array* array = node_ == nullptr ? nullptr : as_table(node_).get_as<::toml::array>(key);
  if (array == nullptr || index >= array->size()) return fault(key, std::move(message));
  document_->add((*array)[index].source(), format("{}[{}]", path_of(key), index), message);
}

std::optional<std::string> Table::string(std::string_view key) {
  const void* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (auto text = as_node(node).value_exact<std::string>()) return *text;
  fault(key, "expected a string, found " + found(as_node(node)));
  return std::nullopt;
}

std::optional<std::string> Table::required_string(std::string_view key) {
  if (find(key) == nullptr) {
    fault(key, "expected a string; the key is missing");
    return std::nullopt;
  }
  return string(key);
}

std::optional<int64_t> Table::integer(std::string_view key, int64_t least, int64_t most) {
  const void* node = find(key);
  if (node == nullptr) return std::nullopt;
  auto value = as_node(node).value_exact<int64_t>();
  if (value && *value >= least && *value <= most) return *value;
  fault(key, "expected " + range_text(least, most) + ", found " + found(as_node(node)));
  return std::nullopt;
}

std::optional<double> Table::number(std::string_view key) {
  const void* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (auto number = as_node(node).value_exact<double>()) return *number;
  if (auto integer = as_node(node).value_exact<int64_t>()) return static_cast<double>(*integer);
  fault(key, "expected a number, found " + found(as_node(node)));
  return std::nullopt;
}

std::optional<bool> Table::boolean(std::string_view key) {
  const void* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (auto flag = as_node(node).value_exact<bool>()) return *flag;
  fault(key, "expected true or false, found " + found(as_node(node)));
  return std::nullopt;
}

std::vector<std::string> Table::strings(std::string_view key) {
  const void* node = find(key);
  if (node == nullptr) return {};
  const ::toml::array* array = as_node(node).as_array();
  if (array == nullptr) {
    fault(key, "expected an array of strings, found " + found(as_node(node)));
    return {};
  }
  std::vector<std::string> values;
  for (size_t i = 0; i < array->size(); ++i) {
    if (auto text = (*array)[i].value_exact<std::string>())
      values.push_back(*text);
    else
      fault_at(key, i, "expected a string, found " + found((*array)[i]));
  }
  return values;
}

std::vector<int64_t> Table::integers(std::string_view key, int64_t least, int64_t most) {
  const void* node = find(key);
  if (node == nullptr) return {};
  const ::toml::array* array = as_node(node).as_array();
  if (array == nullptr) {
    fault(key, "expected an array of whole numbers, found " + found(as_node(node)));
    return {};
  }
  std::vector<int64_t> values;
  for (size_t i = 0; i < array->size(); ++i) {
    auto value = (*array)[i].value_exact<int64_t>();
    if (value && *value >= least && *value <= most)
      values.push_back(*value);
    else
      fault_at(key, i, "expected " + range_text(least, most) + ", found " + found((*array)[i]));
  }
  return values;
}

Table Table::table(std::string_view key) {
  const void* node = find(key);
  const ::toml::table* below = node == nullptr ? nullptr : as_node(node).as_table();
  if (node != nullptr && below == nullptr) fault(key, "expected a table, found " + found(as_node(node)));
  return Table(document_, below, path_of(key) + ".");
}

std::optional<size_t> Table::choice(std::string_view key, const std::vector<std::string>& allowed) {
  std::optional<std::string> text = string(key);
  if (!text) return std::nullopt;
  auto it = std::ranges::find(allowed, *text);
  if (it != allowed.end()) return static_cast<size_t>(it - allowed.begin());
  std::string message = "expected one of " + join(allowed, ", ") + "; found " + quoted(*text);
  if (auto near = nearest(*text, allowed)) message += " (did you mean '" + *near + "'?)";
  fault(key, std::move(message));
  return std::nullopt;
}

void Table::finish() {
  if (node_ == nullptr) return;
  for (const auto& [key, value] : as_table(node_)) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    std::string message = "unknown key";
    if (auto near = nearest(key.str(), known_))
      message += " (did you mean '" + *near + "'?)";
    else
      message += "; known here: " + join(known_, ", ");
    document_->add(key.source(), path_of(key.str()), message);
  }
}

Reader::Reader(std::unique_ptr<Document> document) : document_(std::move(document)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::parse(std::string_view text, std::string_view file) {
  auto document = std::make_unique<Document>();
  document->file = printable(file);
  // toml++ 3.3 accepts some invalid UTF-8 in comments; a file that a person cannot read as a whole is refused here.
  if (!is_valid_utf8(text)) return Failure(invalid_argument(document->file + ": not valid UTF-8"));
  try {
    document->root = ::toml::parse(text);
  } catch (const ::toml::parse_error& error) {
    const auto& at = error.source().begin;
    return Failure(
        invalid_argument(format("{}:{}:{}: {}", document->file, at.line, at.column, printable(error.description()))));
  }
  return Reader(std::move(document));
}

Table Reader::root() {
  return Table(document_.get(), &document_->root, "");
}

void Reader::expect_version(Table& root, int64_t expected) {
  if (!root.has("version")) {
    root.allow("version");
    document_->add(::toml::source_region{{1, 1}, {1, 1}, nullptr}, "version",
                   format("expected 'version = {}' at the top; the key is missing", expected));
    return;
  }
  root.integer("version", expected, expected);
}

Status Reader::finish() const {
  if (document_->faults.empty()) return {};
  std::vector<const Fault*> ordered;
  for (const Fault& fault : document_->faults) ordered.push_back(&fault);
  std::ranges::sort(ordered, {}, [](const Fault* fault) { return std::tuple(fault->line, fault->column, fault); });
  std::string text;
  for (const Fault* fault : ordered) text += (text.empty() ? "" : "\n") + fault->text;
  return Failure(invalid_argument(std::move(text)));
}

}  // namespace hv::base::toml
