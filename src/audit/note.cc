#include "audit/note.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr std::string_view kDash = "\u2014 ";
constexpr char kEd25519 = 1;
constexpr size_t kMaxSignatures = 64;

uint32_t read_big_endian(std::string_view four) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(four[i]);
  return value;
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift & 0xff));
  return bytes;
}

std::string_view view(const std::array<uint8_t, 32>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint32_t key_id(std::string_view name, std::string_view public_key) {
  base::Digest digest = base::sha256({name, "\n", std::string_view(&kEd25519, 1), public_key});
  return read_big_endian(base::as_view(digest));
}

base::Failure bad(std::string_view what, std::string_view why) {
  return base::Failure(base::invalid_argument(base::format("{}: {}", what, why)));
}

}  // namespace

bool is_valid_key_name(std::string_view name) {
  if (name.empty() || name.size() > 200 || !base::is_valid_utf8(name)) return false;
  if (std::ranges::any_of(name, [](char c) { return static_cast<uint8_t>(c) <= 0x20 || c == '+' || c == 0x7f; }))
    return false;
  // The white space of Unicode beyond ASCII.
  for (std::string_view space :
       {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
        "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"})
    if (name.find(space) != std::string_view::npos) return false;
  return true;
}

VerifierKey VerifierKey::of(std::string name, const base::SigningKey& key) {
  VerifierKey result;
  result.id = key_id(name, view(key.public_key()));
  result.name = std::move(name);
  result.public_key = key.public_key();
  return result;
}

base::Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  size_t first = text.find('+');
  size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return bad("ledger key", "expected NAME+ID+KEY");
  VerifierKey key;
  key.name = text.substr(0, first);
  std::string id = HV_TRY_CONTEXT(base::from_hex(text.substr(first + 1, second - first - 1)), "ledger key: its id");
  std::string material = HV_TRY_CONTEXT(base::from_base64(text.substr(second + 1)), "ledger key");
  if (!is_valid_key_name(key.name)) return bad("ledger key", "its name is empty or contains a space or '+'");
  if (id.size() != 4) return bad("ledger key", "its id must be 8 hexadecimal digits");
  if (material.size() != 33 || material[0] != kEd25519) return bad("ledger key", "not an Ed25519 key");
  std::copy(material.begin() + 1, material.end(), key.public_key.begin());
  key.id = read_big_endian(id);
  if (key.id != key_id(key.name, view(key.public_key))) return bad("ledger key", "its id does not belong to its key");
  return key;
}

std::string VerifierKey::text() const {
  std::string material(1, kEd25519);
  material += view(public_key);
  return base::format("{}+{}+{}", name, base::to_hex(big_endian(id)), base::to_base64(material));
}

base::Result<Note> Note::parse(std::string_view note) {
  if (!base::is_valid_utf8(note)) return bad("signed note", "not UTF-8");
  if (std::ranges::any_of(note, [](char c) { return static_cast<uint8_t>(c) < 0x20 && c != '\n'; }))
    return bad("signed note", "it contains a control character");
  size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos) return bad("signed note", "no blank line before the signatures");
  Note result;
  result.text = note.substr(0, blank + 1);
  std::string_view rest = note.substr(blank + 2);
  if (rest.empty() || rest.back() != '\n') return bad("signed note", "no signature, or the last line has no end");
  while (!rest.empty()) {
    size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!line.starts_with(kDash)) return bad("signed note", "a signature line must begin with an em dash");
    line.remove_prefix(kDash.size());
    size_t space = line.find(' ');
    if (space == std::string_view::npos) return bad("signed note", "a signature line has no signature");
    NoteSignature signature;
    signature.name = line.substr(0, space);
    std::string bytes = HV_TRY_CONTEXT(base::from_base64(line.substr(space + 1)), "signed note");
    if (!is_valid_key_name(signature.name)) return bad("signed note", "bad key name in a signature line");
    if (bytes.size() < 5) return bad("signed note", "a signature is too short");
    signature.id = read_big_endian(bytes);
    signature.signature = bytes.substr(4);
    result.signatures.push_back(std::move(signature));
    if (result.signatures.size() > kMaxSignatures) return bad("signed note", "too many signatures");
  }
  return result;
}

bool Note::signed_by(const VerifierKey& key) const {
  bool good = false;
  for (const NoteSignature& signature : signatures) {
    if (signature.name != key.name || signature.id != key.id) continue;
    if (!base::verify_signature(key.public_key, text, signature.signature)) return false;
    good = true;
  }
  return good;
}

std::string sign_note(std::string_view text, std::initializer_list<NoteSigner> signers) {
  std::string note(text);
  note += '\n';
  for (const NoteSigner& signer : signers) {
    std::array<uint8_t, 64> signature = signer.key.sign(text);
    std::string bytes = big_endian(key_id(signer.name, view(signer.key.public_key())));
    bytes.append(reinterpret_cast<const char*>(signature.data()), signature.size());
    note += base::format("{}{} {}\n", kDash, signer.name, base::to_base64(bytes));
  }
  return note;
}

std::string Checkpoint::text() const {
  return base::format("{}\n{}\n{}\n", origin, size, base::to_base64(base::as_view(root)));
}

base::Result<Checkpoint> Checkpoint::parse_text(std::string_view text) {
  std::vector<std::string> lines = base::split(text, '\n');
  if (lines.size() < 4 || !lines.back().empty())
    return bad("checkpoint", "expected origin, size and root, a line each");
  for (size_t i = 0; i + 1 < lines.size(); ++i)
    if (lines[i].empty()) return bad("checkpoint", "an empty line");
  Checkpoint checkpoint;
  checkpoint.origin = lines[0];
  const std::string& number = lines[1];
  auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), checkpoint.size);
  if (code != std::errc{} || end != number.data() + number.size() || (number.size() > 1 && number[0] == '0'))
    return bad("checkpoint", "the size is not a decimal number");
  std::string root = HV_TRY_CONTEXT(base::from_base64(lines[2]), "checkpoint: root");
  if (root.size() != checkpoint.root.size()) return bad("checkpoint", "the root hash must have 32 bytes");
  std::ranges::copy(root, checkpoint.root.begin());
  return checkpoint;
}

}  // namespace hv::audit
