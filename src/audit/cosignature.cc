#include "audit/cosignature.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr char kCosignature = 4;

std::string big_endian(uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift & 0xff));
  return text;
}

std::string_view view(const std::array<uint8_t, 32>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint32_t key_id(std::string_view name, std::string_view public_key) {
  base::Digest digest = base::sha256({name, "\n", std::string_view(&kCosignature, 1), public_key});
  return static_cast<uint32_t>(digest[0]) << 24 | static_cast<uint32_t>(digest[1]) << 16 |
         static_cast<uint32_t>(digest[2]) << 8 | digest[3];
}

std::string message_of(std::string_view checkpoint_text, uint64_t seconds) {
  return base::format("cosignature/v1\ntime {}\n{}", seconds, checkpoint_text);
}

}  // namespace

CosignerKey CosignerKey::of(std::string name, const base::SigningKey& key) {
  CosignerKey result;
  result.id = key_id(name, view(key.public_key()));
  result.name = std::move(name);
  result.public_key = key.public_key();
  return result;
}

base::Result<CosignerKey> CosignerKey::parse(std::string_view text) {
  auto bad = [](std::string_view why) {
    return base::Failure(base::invalid_argument(base::format("witness key: {}", why)));
  };
  size_t first = text.find('+');
  size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return bad("expected NAME+ID+KEY");
  CosignerKey key;
  key.name = text.substr(0, first);
  std::string material = HV_TRY_CONTEXT(base::from_base64(text.substr(second + 1)), "witness key");
  if (!is_valid_key_name(key.name)) return bad("its name is empty or contains a space or '+'");
  if (material.size() != 33 || material[0] != kCosignature) return bad("not an Ed25519 cosignature key");
  std::copy(material.begin() + 1, material.end(), key.public_key.begin());
  key.id = key_id(key.name, view(key.public_key));
  if (key.text() != text) return bad("its id does not belong to its key");
  return key;
}

std::string CosignerKey::text() const {
  std::string material(1, kCosignature);
  material += view(public_key);
  return base::format("{}+{}+{}", name, base::to_hex(big_endian(id, 4)), base::to_base64(material));
}

std::string cosignature_line(std::string_view checkpoint_text, const std::string& name, const base::SigningKey& key,
                             uint64_t seconds) {
  std::array<uint8_t, 64> signature = key.sign(message_of(checkpoint_text, seconds));
  std::string bytes = big_endian(key_id(name, view(key.public_key())), 4) + big_endian(seconds, 8);
  bytes.append(reinterpret_cast<const char*>(signature.data()), signature.size());
  return base::format("\u2014 {} {}\n", name, base::to_base64(bytes));
}

std::optional<uint64_t> cosigned_at(const Note& note, const CosignerKey& key) {
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != key.name || signature.id != key.id) continue;
    const std::string& bytes = signature.signature;
    if (bytes.size() != 8 + 64) return std::nullopt;
    uint64_t seconds = 0;
    for (size_t i = 0; i < 8; ++i) seconds = seconds << 8 | static_cast<uint8_t>(bytes[i]);
    if (!base::verify_signature(key.public_key, message_of(note.text, seconds), std::string_view(bytes).substr(8)))
      return std::nullopt;
    return seconds;
  }
  return std::nullopt;
}

}  // namespace hv::audit
