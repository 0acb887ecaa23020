// Signed notes (c2sp.org/signed-note), their Ed25519 keys, and the checkpoints made of them (c2sp.org/tlog-checkpoint).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"

namespace hv::audit {

// The public half of a note key. Its text is NAME+ID+BASE64 with the id in hex: what other tools call a vkey.
struct VerifierKey {
  std::string name;
  uint32_t id = 0;
  std::array<uint8_t, 32> public_key{};

  static VerifierKey of(std::string name, const base::SigningKey& key);
  static base::Result<VerifierKey> parse(std::string_view text);
  std::string text() const;
  bool operator==(const VerifierKey&) const = default;
};

// Not empty, no Unicode space, no '+', no control character.
bool is_valid_key_name(std::string_view name);

struct NoteSignature {
  std::string name;
  uint32_t id = 0;
  std::string signature;
};

struct Note {
  std::string text;  // ends in a newline
  std::vector<NoteSignature> signatures;

  static base::Result<Note> parse(std::string_view note);
  // True when a signature with the key's name and id is there and right. A wrong one of a known key makes the note
  // worthless: false.
  bool signed_by(const VerifierKey& key) const;
};

struct NoteSigner {
  const std::string& name;
  const base::SigningKey& key;
};
// The whole note. `text` ends in a newline.
std::string sign_note(std::string_view text, std::initializer_list<NoteSigner> signers);

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  base::Digest root{};

  std::string text() const;
  // Extension lines are allowed and ignored, as the specification asks.
  static base::Result<Checkpoint> parse_text(std::string_view text);
  bool operator==(const Checkpoint&) const = default;
};

}  // namespace hv::audit
