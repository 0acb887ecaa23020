#include "audit/payload.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "audit/plain_payload.h"
#include "base/text.h"

namespace hv::audit {

namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

// Deeper values could not be read back: the strict reader stops at 32.
constexpr int kMaxDepth = 24;
constexpr size_t kMaxMarks = 16;
constexpr size_t kMaxPath = 200;

struct Caps {
  size_t string;
  size_t elements;
};
// Tried in turn until the payload fits; the last always does, together with the bound on depth and on marks.
constexpr Caps kCaps[] = {
    {SIZE_MAX, SIZE_MAX}, {16384, 2048}, {4096, 512}, {1024, 128}, {256, 64}, {96, 16}, {48, 6}, {24, 2}};

struct Marks {
  Array truncated;
  Array escaped;
  size_t unnamed = 0;
  bool redact = true;
  const core::Redaction* own = nullptr;
  size_t redacted = 0;
};

void mark_truncated(Marks& marks, const std::string& path, size_t size) {
  if (marks.truncated.size() == kMaxMarks) {
    ++marks.unnamed;
    return;
  }
  marks.truncated.push_back(Object{{"member", path}, {"size", size}});
}

std::string bounded_utf8(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xc0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

// Paths are made of member names, which a hostile event could make long or odd.
// The result is valid UTF-8 of at most kMaxPath bytes.
std::string path_of(const std::string& parent, std::string_view name) {
  std::string path = parent.empty() ? std::string(name) : parent + "." + std::string(name);
  return bounded_utf8(path, kMaxPath);
}

std::string clean(std::string_view text, const std::string& path, size_t cap, Marks& marks) {
  std::string result(text);
  if (marks.redact) marks.redacted += core::redact_text(result, marks.own);
  if (!base::is_valid_utf8(result)) {
    result = base::printable(result);
    if (marks.escaped.size() < kMaxMarks) marks.escaped.push_back(Value(path));
  }
  if (result.size() > cap) {
    mark_truncated(marks, path, text.size());
    result = bounded_utf8(result, cap);
  }
  return result;
}

Value copy(const Value& value, const std::string& path, const Caps& caps, int depth, Marks& marks);

// A command line, when it is one and something of it is a credential.
std::optional<Value> redacted_command(std::string_view name, const Value& value, Marks& marks) {
  const Array* array = value.if_array();
  if (!marks.redact || array == nullptr || (name != "arguments" && name != "command")) return std::nullopt;
  std::vector<std::string> words;
  for (const Value& item : *array) {
    if (!item.is_string()) return std::nullopt;
    words.emplace_back(std::string_view(item.get_string()));
  }
  size_t count = core::redact_arguments(words, marks.own);
  if (count == 0) return std::nullopt;
  marks.redacted += count;
  Array kept;
  for (std::string& word : words) kept.emplace_back(std::move(word));
  return kept;
}

Value copy_member(const std::string& name, const Value& value, const std::string& path, const Caps& caps, int depth,
                  Marks& marks) {
  if (marks.redact && value.is_string() && !value.get_string().empty() && core::is_secret_name(name) &&
      std::string_view(value.get_string()) != core::kRedacted) {
    ++marks.redacted;
    return Value(core::kRedacted);
  }
  if (auto command = redacted_command(name, value, marks)) return copy(*command, path, caps, depth, marks);
  return copy(value, path, caps, depth, marks);
}

Object copy_object(const Object& object, const std::string& path, const Caps& caps, int depth, Marks& marks) {
  Object result;
  if (object.size() > caps.elements) mark_truncated(marks, path, object.size());
  for (const auto& member : object) {
    if (result.size() == caps.elements) break;
    std::string_view key(member.key().data(), member.key().size());
    std::string name = clean(key, path_of(path, "(name)"), std::min(caps.string, size_t{256}), marks);
    // Two names that were different before they were cleaned stay two members.
    while (result.contains(name)) name += "'";
    result[name] = copy_member(name, member.value(), path_of(path, name), caps, depth + 1, marks);
  }
  return result;
}

Value copy(const Value& value, const std::string& path, const Caps& caps, int depth, Marks& marks) {
  if (const auto* text = value.if_string()) return Value(clean({text->data(), text->size()}, path, caps.string, marks));
  // JSON has no spelling for these.
  if (value.is_double() && !std::isfinite(value.get_double())) return Value(nullptr);
  const Object* object = value.if_object();
  const Array* array = value.if_array();
  if (object == nullptr && array == nullptr) return value;
  if (depth > kMaxDepth) {
    mark_truncated(marks, path, object != nullptr ? object->size() : array->size());
    return Value(nullptr);
  }
  if (object != nullptr) return copy_object(*object, path, caps, depth, marks);
  Array result;
  if (array->size() > caps.elements) mark_truncated(marks, path, array->size());
  for (size_t i = 0; i < std::min(array->size(), caps.elements); ++i)
    result.push_back(copy((*array)[i], path + "[" + std::to_string(i) + "]", caps, depth + 1, marks));
  return result;
}

}  // namespace

std::string careful_payload_text(const Object& payload, size_t limit, bool redact, const core::Redaction* own) {
  for (const Caps& caps : kCaps) {
    Marks marks;
    marks.redact = redact;
    marks.own = own;
    Object cut = copy_object(payload, "", caps, 0, marks);
    if (marks.unnamed > 0) marks.truncated.push_back(Object{{"member", "(others)"}, {"size", marks.unnamed}});
    if (!marks.truncated.empty()) cut["_truncated"] = std::move(marks.truncated);
    if (!marks.escaped.empty()) cut["_escaped"] = std::move(marks.escaped);
    if (marks.redacted > 0) {
      const Value* before = payload.if_contains("redacted");
      uint64_t counted = before != nullptr && before->is_number() ? before->to_number<uint64_t>() : 0;
      cut["redacted"] = counted + marks.redacted;
    }
    std::string text = base::json::serialize(cut);
    if (text.size() <= limit) return text;
  }
  // Only deep nesting of arrays in arrays gets here.
  return base::json::serialize(Object{{"_truncated", Array{Object{{"member", "(all)"}, {"size", payload.size()}}}}});
}

std::string payload_text(const Object& payload, size_t limit, const core::Redaction* own) {
  std::optional<std::string> plain = plain_payload_text(payload, limit, true, own);
  return plain ? *std::move(plain) : careful_payload_text(payload, limit, true, own);
}

std::string own_payload_text(const Object& payload) {
  std::optional<std::string> plain = plain_payload_text(payload, kMaxPayloadSize, false);
  return plain ? *std::move(plain) : careful_payload_text(payload, kMaxPayloadSize, false);
}

}  // namespace hv::audit
