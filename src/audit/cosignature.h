// Cosignatures of checkpoints (c2sp.org/tlog-cosignature, Ed25519): a witness signs that it saw this checkpoint at this
// time, and that it extends every one it signed before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/note.h"
#include "base/crypto.h"
#include "base/result.h"

namespace hv::audit {

// The public half of a witness's key: NAME+ID+BASE64, as for logs, with its own signature type.
struct CosignerKey {
  std::string name;
  uint32_t id = 0;
  std::array<uint8_t, 32> public_key{};

  static CosignerKey of(std::string name, const base::SigningKey& key);
  static base::Result<CosignerKey> parse(std::string_view text);
  std::string text() const;
};

// The line to append to a signed checkpoint. `seconds` since 1970.
std::string cosignature_line(std::string_view checkpoint_text, const std::string& name, const base::SigningKey& key,
                             uint64_t seconds);
// When the witness signed this note; nullopt when it did not, or not rightly.
std::optional<uint64_t> cosigned_at(const Note& note, const CosignerKey& key);

}  // namespace hv::audit
