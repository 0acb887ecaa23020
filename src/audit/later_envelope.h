// An envelope of a version that this program does not know, as a newer one wrote it before somebody went back. Its
// bytes are a leaf like any other and are kept, counted and shown as they are; nothing else is concluded from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hv::audit {

// What every version's envelope begins with: {"v":N,"index":I
struct LaterEnvelope {
  uint64_t version = 0;
  uint64_t index = 0;
};

// nullopt for one of the known version, and for what is no JSON object that begins so.
std::optional<LaterEnvelope> read_later_envelope(std::string_view text);

}  // namespace hv::audit
