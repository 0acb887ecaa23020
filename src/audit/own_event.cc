#include "audit/own_event.h"

namespace hv::audit {

std::string_view OwnEvent::text(std::string_view name) const {
  const base::json::Value* value = payload.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::optional<uint64_t> OwnEvent::number(std::string_view name) const {
  const base::json::Value* value = payload.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return static_cast<uint64_t>(value->get_int64());
}

std::optional<OwnEvent> read_own_event(uint64_t index, const Frame& frame) {
  base::Result<Envelope> envelope = decode_envelope(frame.envelope);
  base::Result<base::json::Value> payload = base::json::parse(frame.payload);
  if (!envelope || !payload || !payload->is_object()) return std::nullopt;
  return OwnEvent{index, *std::move(envelope), std::move(payload->get_object())};
}

}  // namespace hv::audit
