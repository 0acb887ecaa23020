#include "audit/later_envelope.h"

#include <charconv>

#include "audit/envelope.h"
#include "base/json.h"

namespace hv::audit {

namespace {

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text, uint64_t& value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto used = static_cast<size_t>(end - text.data());
  if (code != std::errc{} || (used > 1 && text[0] == '0')) return false;
  text.remove_prefix(used);
  return true;
}

}  // namespace

std::optional<LaterEnvelope> read_later_envelope(std::string_view text) {
  LaterEnvelope envelope;
  std::string_view rest = text.size() <= kMaxEnvelopeSize ? text : std::string_view{};
  if (!take(rest, R"({"v":)") || !take_number(rest, envelope.version) || !take(rest, R"(,"index":)") ||
      !take_number(rest, envelope.index) || !(rest.starts_with(',') || rest == "}"))
    return std::nullopt;
  // One of the known version that cannot be read is a forgery, not a version.
  if (envelope.version == kEnvelopeVersion) return std::nullopt;
  base::Result<base::json::Value> value = base::json::parse(text);
  if (!value || !value->is_object()) return std::nullopt;
  return envelope;
}

}  // namespace hv::audit
