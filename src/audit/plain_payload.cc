#include "audit/plain_payload.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace hv::audit {

namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr int kDepth = 16;
constexpr size_t kName = 256;

class PlainWriter {
 public:
  PlainWriter(size_t limit, bool redact, const core::Redaction* own) : limit_(limit), redact_(redact), own_(own) {
    out_.reserve(256);
  }
  bool object(const Object& object, int depth);
  std::string take() { return std::move(out_); }
  bool fits() const { return out_.size() <= limit_; }

 private:
  bool value(const Value& value, int depth);
  bool array(const Array& array, int depth);
  bool text(std::string_view text);
  bool number(auto value);
  bool is_plain_command(std::string_view name, const Value& value);

  const size_t limit_;
  const bool redact_;
  const core::Redaction* const own_;
  std::string out_;
  std::vector<std::string_view> words_;
};

bool PlainWriter::text(std::string_view text) {
  bool ascii = true;
  bool as_it_is = true;
  for (char c : text) {
    ascii &= static_cast<unsigned char>(c) < 0x80;
    as_it_is &= (static_cast<unsigned char>(c) >= 0x20) & (c != '"') & (c != '\\') & (c != 0x7f);
  }
  if (!ascii && !base::is_valid_utf8(text)) return false;
  if (redact_ && !core::is_free_of_secrets(text, own_)) return false;
  if (as_it_is) {
    out_.append(1, '"').append(text).append(1, '"');
  } else {
    out_ += base::json::serialize(Value(text));
  }
  return fits();
}

bool PlainWriter::number(auto value) {
  std::array<char, 24> digits{};
  out_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  return true;
}

// An array of anything else is no command line, and is looked at word by word.
bool PlainWriter::is_plain_command(std::string_view name, const Value& value) {
  const Array* array = value.if_array();
  if (array == nullptr || (name != "arguments" && name != "command")) return true;
  words_.clear();
  for (const Value& item : *array) {
    if (!item.is_string()) return true;
    words_.emplace_back(item.get_string());
  }
  return core::is_free_of_secrets(words_, own_);
}

bool PlainWriter::object(const Object& object, int depth) {
  if (depth > kDepth) return false;
  out_ += '{';
  bool first = true;
  for (const auto& member : object) {
    std::string_view name(member.key().data(), member.key().size());
    const Value& value = member.value();
    if (!std::exchange(first, false)) out_ += ',';
    if (name.size() > kName || !text(name)) return false;
    if (redact_ && ((value.is_string() && core::is_secret_name(name)) || !is_plain_command(name, value))) return false;
    out_ += ':';
    if (!this->value(value, depth + 1)) return false;
  }
  out_ += '}';
  return fits();
}

bool PlainWriter::array(const Array& array, int depth) {
  if (depth > kDepth) return false;
  out_ += '[';
  bool first = true;
  for (const Value& item : array) {
    if (!std::exchange(first, false)) out_ += ',';
    if (!value(item, depth + 1)) return false;
  }
  out_ += ']';
  return fits();
}

bool PlainWriter::value(const Value& value, int depth) {
  switch (value.kind()) {
    case boost::json::kind::string:
      return text(value.get_string());
    case boost::json::kind::int64:
      return number(value.get_int64());
    case boost::json::kind::uint64:
      return number(value.get_uint64());
    case boost::json::kind::bool_:
      out_ += value.get_bool() ? "true" : "false";
      return true;
    case boost::json::kind::null:
      out_ += "null";
      return true;
    case boost::json::kind::double_:
      if (!std::isfinite(value.get_double())) return false;
      out_ += base::json::serialize(value);
      return true;
    case boost::json::kind::array:
      return array(value.get_array(), depth);
    case boost::json::kind::object:
      return object(value.get_object(), depth);
  }
  return false;
}

}  // namespace

std::optional<std::string> plain_payload_text(const Object& payload, size_t limit, bool redact,
                                              const core::Redaction* own) {
  PlainWriter writer(limit, redact, own);
  if (!writer.object(payload, 0)) return std::nullopt;
  return writer.take();
}

}  // namespace hv::audit
