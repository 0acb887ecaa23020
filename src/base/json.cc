#include "base/json.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include "base/text.h"

namespace hv::base::json {

namespace {

// Boost.JSON keeps the last of two members of the same name; two readers could then see two documents. A scan over the
// accepted text finds them: it tracks only strings and nesting, since the grammar is already known to hold.
std::optional<std::string> duplicate_member(std::string_view text) {
  std::vector<std::vector<std::string_view>> open;  // member names of each open object; arrays push an empty frame
  bool expect_name = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '{' || c == '[') {
      open.emplace_back();
      expect_name = c == '{';
    } else if (c == '}' || c == ']') {
      open.pop_back();
      expect_name = false;
    } else if (c == '"') {
      size_t start = ++i;
      while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
      if (!expect_name) continue;
      std::string_view name = text.substr(start, i - start);
      if (std::ranges::find(open.back(), name) != open.back().end()) return std::string(name);
      // Names spelled with escapes compare by spelling here; the object's own size catches the rest.
      open.back().push_back(name);
      expect_name = false;
    } else if (c == ',') {
      size_t next = text.find_first_not_of(" \t\r\n", i + 1);
      // In an object a comma is followed by a name and then a colon; in an array by a value. Look for the colon.
      if (next == std::string_view::npos || text[next] != '"') continue;
      size_t end = next + 1;
      while (text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      size_t after = text.find_first_not_of(" \t\r\n", end + 1);
      expect_name = after != std::string_view::npos && text[after] == ':';
    }
  }
  return std::nullopt;
}

void pretty(const Value& value, std::string& out, size_t depth) {
  auto indent = [&](size_t levels) { out.append(levels * 2, ' '); };
  if (const Object* object = value.if_object(); object != nullptr && !object->empty()) {
    out += "{\n";
    bool first = true;
    for (const auto& member : *object) {
      if (!std::exchange(first, false)) out += ",\n";
      indent(depth + 1);
      out += boost::json::serialize(boost::json::string(member.key())) + ": ";
      pretty(member.value(), out, depth + 1);
    }
    out += '\n';
    indent(depth);
    out += '}';
  } else if (const Array* array = value.if_array(); array != nullptr && !array->empty()) {
    out += "[\n";
    bool first = true;
    for (const Value& element : *array) {
      if (!std::exchange(first, false)) out += ",\n";
      indent(depth + 1);
      pretty(element, out, depth + 1);
    }
    out += '\n';
    indent(depth);
    out += ']';
  } else {
    out += boost::json::serialize(value);
  }
}

}  // namespace

Result<Value> parse(std::string_view text) {
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 32;
  boost::json::stream_parser parser({}, options);
  size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used == text.size()) parser.finish(error);
  if (!error && used != text.size()) error = boost::json::error::extra_data;
  if (error) {
    size_t line = 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(used), '\n'));
    size_t start = text.substr(0, used).rfind('\n');
    size_t column = used - (start == std::string_view::npos ? 0 : start + 1) + 1;
    return Failure(invalid_argument("JSON: line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
                                    error.message()));
  }
  if (auto name = duplicate_member(text))
    return Failure(invalid_argument("JSON: the member '" + *name + "' appears twice"));
  return parser.release();
}

std::string serialize(const Value& value) {
  return boost::json::serialize(value);
}

std::string serialize_pretty(const Value& value) {
  std::string out;
  pretty(value, out, 0);
  return out;
}

Result<ObjectReader> ObjectReader::over(const Value& value, std::string path) {
  const Object* object = value.if_object();
  if (object == nullptr)
    return Failure(invalid_argument((path.empty() ? "the body" : "'" + path + "'") + " must be an object"));
  return ObjectReader(object, std::move(path));
}

std::string ObjectReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const Value* ObjectReader::member(std::string_view name) {
  known_.emplace_back(name);
  return object_->if_contains(name);
}

Result<std::optional<std::string>> ObjectReader::optional_string(std::string_view name) {
  const Value* value = member(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_string()) return Failure(invalid_argument("'" + path_of(name) + "' must be a string"));
  return std::string(value->get_string());
}

Result<std::optional<int64_t>> ObjectReader::optional_integer(std::string_view name) {
  const Value* value = member(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  return Failure(invalid_argument("'" + path_of(name) + "' must be a whole number"));
}

Result<std::string> ObjectReader::string(std::string_view name) {
  std::optional<std::string> value = HV_TRY(optional_string(name));
  if (!value) return Failure(invalid_argument("'" + path_of(name) + "' is missing"));
  return *std::move(value);
}

Result<int64_t> ObjectReader::integer(std::string_view name) {
  std::optional<int64_t> value = HV_TRY(optional_integer(name));
  if (!value) return Failure(invalid_argument("'" + path_of(name) + "' is missing"));
  return *value;
}

Result<bool> ObjectReader::boolean(std::string_view name) {
  const Value* value = member(name);
  if (value == nullptr) return Failure(invalid_argument("'" + path_of(name) + "' is missing"));
  if (!value->is_bool()) return Failure(invalid_argument("'" + path_of(name) + "' must be true or false"));
  return value->get_bool();
}

Result<bool> ObjectReader::boolean_or(std::string_view name, bool fallback) {
  if (!object_->contains(name)) {
    known_.emplace_back(name);
    return fallback;
  }
  return boolean(name);
}

Result<std::vector<std::string>> ObjectReader::strings_or_empty(std::string_view name) {
  if (!object_->contains(name)) {
    known_.emplace_back(name);
    return std::vector<std::string>{};
  }
  return strings(name);
}

Result<std::vector<std::string>> ObjectReader::strings(std::string_view name) {
  const Value* value = member(name);
  if (value == nullptr) return Failure(invalid_argument("'" + path_of(name) + "' is missing"));
  const Array* array = value->if_array();
  std::vector<std::string> result;
  bool all_strings = array != nullptr;
  for (size_t i = 0; all_strings && i < array->size(); ++i) {
    all_strings = (*array)[i].is_string();
    if (all_strings) result.emplace_back((*array)[i].get_string());
  }
  if (!all_strings) return Failure(invalid_argument("'" + path_of(name) + "' must be an array of strings"));
  return result;
}

Status ObjectReader::finish() const {
  for (const auto& item : *object_) {
    std::string name(item.key());
    if (std::ranges::find(known_, name) != known_.end()) continue;
    std::string message = "unknown member '" + path_of(name) + "'";
    Error error = invalid_argument(message);
    if (auto near = nearest(name, known_)) return Failure(std::move(error).with_hint("did you mean '" + *near + "'?"));
    return Failure(std::move(error));
  }
  return {};
}

}  // namespace hv::base::json
