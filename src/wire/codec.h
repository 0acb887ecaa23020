// The machinery of wire/describe.h: a Writer and a Reader that are shown a type's members one by one. Included by the
// .cc files of wire/ only.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "core/event.h"
#include "core/names.h"
#include "core/state.h"

namespace hv::wire {

using base::Failure;
using base::Status;
using base::json::Array;
using base::json::Object;
using base::json::ObjectReader;
using base::json::Value;

inline Failure wrong(std::string_view path, std::string_view expected) {
  return Failure(base::invalid_argument((path.empty() ? std::string("the body") : "'" + std::string(path) + "'") +
                                        " must be " + std::string(expected)));
}

class Writer;
class Reader;

template <typename T>
struct Codec;

template <>
struct Codec<bool> {
  static Value encode(bool value) { return value; }
  static Status decode(const Value& value, bool& out, const std::string& path) {
    if (!value.is_bool()) return wrong(path, "true or false");
    out = value.get_bool();
    return {};
  }
};

template <std::integral T>
struct Codec<T> {
  static Value encode(T value) {
    return static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value);
  }
  static Status decode(const Value& value, T& out, const std::string& path) {
    using Limits = std::numeric_limits<T>;
    bool fits = (value.is_int64() && std::in_range<T>(value.get_int64())) ||
                (value.is_uint64() && std::in_range<T>(value.get_uint64()));
    if (!fits)
      return wrong(path,
                   "a whole number from " + std::to_string(Limits::min()) + " to " + std::to_string(Limits::max()));
    out = value.is_int64() ? static_cast<T>(value.get_int64()) : static_cast<T>(value.get_uint64());
    return {};
  }
};

// Text: always UTF-8. Invalid bytes are replaced by their visible escapes, so a document is always valid.
template <>
struct Codec<std::string> {
  static Value encode(const std::string& value) {
    return Value(base::is_valid_utf8(value) ? value : base::printable(value));
  }
  static Status decode(const Value& value, std::string& out, const std::string& path) {
    if (!value.is_string()) return wrong(path, "a string");
    out = std::string(value.get_string());
    return {};
  }
};

// Bytes: a string, or {"base64": "..."} when they are not UTF-8. No NUL: they become arguments, variables and paths.
struct BytesCodec {
  static Value encode(const std::string& value) {
    if (base::is_valid_utf8(value)) return Value(value);
    return Object{{"base64", base::to_base64(value)}};
  }
  static Value encode(const std::vector<std::string>& values) {
    Array out;
    for (const std::string& value : values) out.push_back(encode(value));
    return out;
  }
  static Value encode(const std::optional<std::string>& value) { return value ? encode(*value) : Value(nullptr); }
  static Status decode(const Value& value, std::string& out, const std::string& path) {
    if (value.is_string()) {
      out = std::string(value.get_string());
    } else if (value.is_object()) {
      ObjectReader reader = HV_TRY(ObjectReader::over(value, path));
      std::string text = HV_TRY(reader.string("base64"));
      out = HV_TRY(base::from_base64(text));
      HV_TRY(reader.finish());
    } else {
      return wrong(path, "a string or {\"base64\": ...}");
    }
    if (out.find('\0') != std::string::npos) return wrong(path, "free of NUL");
    return {};
  }
  static Status decode(const Value& value, std::vector<std::string>& out, const std::string& path) {
    const Array* array = value.if_array();
    if (array == nullptr) return wrong(path, "an array");
    for (const Value& item : *array)
      HV_TRY(decode(item, out.emplace_back(), path + "[" + std::to_string(out.size() - 1) + "]"));
    return {};
  }
  static Status decode(const Value& value, std::optional<std::string>& out, const std::string& path) {
    return decode(value, out.emplace(), path);
  }
};

template <core::Named E>
struct Codec<E> {
  static Value encode(E value) { return Value(core::name_of(value)); }
  static Status decode(const Value& value, E& out, const std::string& path) {
    if (!value.is_string()) return wrong(path, "a string");
    out = HV_TRY_CONTEXT(core::parse_name<E>(std::string_view(value.get_string())), "'" + path + "'");
    return {};
  }
};

template <>
struct Codec<base::WallTime> {
  static Value encode(base::WallTime value) { return Value(base::to_rfc3339(value)); }
  static Status decode(const Value& value, base::WallTime& out, const std::string& path) {
    if (!value.is_string()) return wrong(path, "a time such as 2026-11-23T18:14:07Z");
    out = HV_TRY_CONTEXT(base::from_rfc3339(std::string_view(value.get_string())), "'" + path + "'");
    return {};
  }
};

// Nanoseconds as a whole number.
template <>
struct Codec<base::MonotonicTime> {
  static Value encode(base::MonotonicTime value) { return int64_t{value.count()}; }
  static Status decode(const Value& value, base::MonotonicTime& out, const std::string& path) {
    int64_t count = 0;
    HV_TRY(Codec<int64_t>::decode(value, count, path));
    out = base::MonotonicTime(count);
    return {};
  }
};

// Enumerations whose names core keeps in functions.
template <typename E, auto name, auto parse>
struct FunctionCodec {
  static Value encode(E value) { return Value(name(value)); }
  static Status decode(const Value& value, E& out, const std::string& path) {
    if (!value.is_string()) return wrong(path, "a string");
    out = HV_TRY_CONTEXT(parse(std::string_view(value.get_string())), "'" + path + "'");
    return {};
  }
};
template <>
struct Codec<core::SandboxState> : FunctionCodec<core::SandboxState, core::state_name, core::parse_state> {};
template <>
struct Codec<core::Outcome::Kind> : FunctionCodec<core::Outcome::Kind, core::outcome_name, core::parse_outcome> {};
template <>
struct Codec<core::Trust> : FunctionCodec<core::Trust, core::trust_name, core::parse_trust> {};
template <>
struct Codec<core::Risk> : FunctionCodec<core::Risk, core::risk_name, core::parse_risk> {};

template <>
struct Codec<Object> {
  static Value encode(const Object& value) { return value; }
  static Status decode(const Value& value, Object& out, const std::string& path) {
    if (!value.is_object()) return wrong(path, "an object");
    out = value.get_object();
    return {};
  }
};

template <typename T>
struct Codec<std::optional<T>> {
  static Value encode(const std::optional<T>& value) { return value ? Codec<T>::encode(*value) : Value(nullptr); }
  static Status decode(const Value& value, std::optional<T>& out, const std::string& path) {
    return Codec<T>::decode(value, out.emplace(), path);
  }
};

template <typename T>
struct Codec<std::vector<T>> {
  static Value encode(const std::vector<T>& values) {
    Array out;
    for (const T& value : values) out.push_back(Codec<T>::encode(value));
    return out;
  }
  static Status decode(const Value& value, std::vector<T>& out, const std::string& path) {
    const Array* array = value.if_array();
    if (array == nullptr) return wrong(path, "an array");
    for (const Value& item : *array)
      HV_TRY(Codec<T>::decode(item, out.emplace_back(), path + "[" + std::to_string(out.size() - 1) + "]"));
    return {};
  }
};

template <>
struct Codec<std::map<std::string, std::string>> {
  static Value encode(const std::map<std::string, std::string>& values) {
    Object out;
    for (const auto& [name, value] : values) out[name] = Codec<std::string>::encode(value);
    return out;
  }
  static Status decode(const Value& value, std::map<std::string, std::string>& out, const std::string& path) {
    const Object* object = value.if_object();
    if (object == nullptr) return wrong(path, "an object of strings");
    for (const auto& item : *object) {
      std::string name(item.key());
      HV_TRY(Codec<std::string>::decode(item.value(), out[name], path + "." + name));
    }
    return {};
  }
};

// An absent optional is an absent member, never null.
template <typename T>
constexpr bool is_absent(const T&) {
  return false;
}
template <typename T>
constexpr bool is_absent(const std::optional<T>& value) {
  return !value.has_value();
}

class Writer {
 public:
  template <typename T>
  void required(std::string_view name, const T& value) {
    if (!is_absent(value)) out_[name] = Codec<T>::encode(value);
  }
  template <typename T>
  void optional(std::string_view name, const T& value) {
    required(name, value);
  }
  template <typename T>
  void bytes(std::string_view name, const T& value) {
    if (!is_absent(value)) out_[name] = BytesCodec::encode(value);
  }
  template <typename T>
  void required_bytes(std::string_view name, const T& value) {
    bytes(name, value);
  }
  Object take() { return std::move(out_); }

 private:
  Object out_;
};

// Keeps the first failure; later members are then skipped.
class Reader {
 public:
  explicit Reader(ObjectReader& object) : object_(object) {}

  template <typename T>
  void required(std::string_view name, T& value) {
    read<Codec<T>>(name, value, true);
  }
  template <typename T>
  void optional(std::string_view name, T& value) {
    read<Codec<T>>(name, value, false);
  }
  template <typename T>
  void bytes(std::string_view name, T& value) {
    read<BytesCodec>(name, value, false);
  }
  template <typename T>
  void required_bytes(std::string_view name, T& value) {
    read<BytesCodec>(name, value, true);
  }
  Status finish() {
    if (!status_) return std::move(status_);
    return object_.finish();
  }

 private:
  template <typename C, typename T>
  void read(std::string_view name, T& value, bool needed) {
    const Value* member = object_.member(name);
    if (!status_) return;
    if (member != nullptr) {
      status_ = C::decode(*member, value, object_.path_of(name));
    } else if (needed) {
      status_ = Failure(base::invalid_argument("'" + object_.path_of(name) + "' is missing"));
    }
  }

  ObjectReader& object_;
  Status status_;
};

// A type with a description.
template <typename T>
  requires requires(Writer& writer, const T& value) { describe(writer, value); }
struct Codec<T> {
  static Value encode(const T& value) {
    Writer writer;
    describe(writer, value);
    return writer.take();
  }
  static Status decode(const Value& value, T& out, const std::string& path) {
    ObjectReader object = HV_TRY(ObjectReader::over(value, path));
    Reader reader(object);
    describe(reader, out);
    return reader.finish();
  }
};

}  // namespace hv::wire
