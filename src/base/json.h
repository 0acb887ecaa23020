// JSON from outside, read strictly: RFC 8259, valid UTF-8, no duplicate names, bounded depth. Parse to a type at the
// border with ObjectReader; no JSON value travels inward.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace hv::base::json {

using Array = boost::json::array;
using Object = boost::json::object;
using Value = boost::json::value;

// invalid_argument with line and column of the first fault.
Result<Value> parse(std::string_view text);
// Compact; object members in the order they were added.
std::string serialize(const Value& value);
// Two spaces, one member a line, for people.
std::string serialize_pretty(const Value& value);

// Reads the members of one object and, at finish(), refuses what nobody asked for. Every error names the path
// ("limits.memory").
class ObjectReader {
 public:
  // invalid_argument when `value` is not an object. `value` must outlive the reader.
  static Result<ObjectReader> over(const Value& value, std::string path = {});

  Result<std::string> string(std::string_view name);
  Result<int64_t> integer(std::string_view name);
  Result<bool> boolean(std::string_view name);
  Result<std::vector<std::string>> strings(std::string_view name);
  // The optional forms answer nullopt for an absent member and for null.
  Result<std::optional<std::string>> optional_string(std::string_view name);
  Result<std::optional<int64_t>> optional_integer(std::string_view name);
  Result<bool> boolean_or(std::string_view name, bool fallback);
  Result<std::vector<std::string>> strings_or_empty(std::string_view name);
  // The raw member, nullptr when absent; marks it as known.
  const Value* member(std::string_view name);
  std::string path_of(std::string_view name) const;

  // invalid_argument naming the first unknown member and the known one nearest to it.
  Status finish() const;

 private:
  ObjectReader(const Object* object, std::string path) : object_(object), path_(std::move(path)) {}
  const Object* object_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace hv::base::json
