// The ledger's signing keys. One key a period; each signs the public half of the next together with the tree's size and
// root at that moment, and is then destroyed, so that nobody can sign another past later. Layout and crash order in
// docs/ledger-format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/file_layer.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "base/clock.h"
#include "base/result.h"

namespace hv::audit {

// What one key says about the next: the text of the signed note keys/PERIOD.note.
struct Handover {
  std::string origin;
  uint64_t period = 0;  // of the new key; the first key has period 0 and no handover
  VerifierKey key;
  uint64_t size =
      0;  // the tree when the old key signed for the last time; its last entry is the event ledger.key_rotated
  Digest root{};
  base::WallTime time{};

  std::string text() const;
  static base::Result<Handover> parse_text(std::string_view text);
};

class KeyStore {
 public:
  // Opens DIRECTORY/keys, finishing a hand-over that a crash cut short. With `create`, makes the first key when there
  // is none; an empty origin is then invented. conflict when an origin is given that is not the ledger's.
  static base::Result<KeyStore> open(const std::string& directory, const std::string& origin, bool create,
                                     FileLayer& files, const base::Clock& clock);

  const std::string& origin() const { return origin_; }
  uint64_t period() const { return period_; }
  base::WallTime since() const { return since_; }
  VerifierKey verifier() const { return VerifierKey::of(origin_, *key_); }
  std::string sign(std::string_view text) const { return sign_note(text, {{origin_, *key_}}); }

  // Makes the next key and keeps it beside the present one.
  base::Result<VerifierKey> prepare_next(base::WallTime now);
  // The present key signs the next one, and is destroyed. prepare_next() came before. After a failure the present key
  // goes on, or, where its word may be out already, complete() has to succeed before anything else is signed.
  base::Status hand_over(uint64_t size, const Digest& root, base::WallTime now);
  // Finishes a hand-over that failed half-way; nothing to do otherwise.
  base::Status complete();
  // The key before this one and what it signed; nullopt in period 0.
  const std::optional<Handover>& last_handover() const { return last_handover_; }

 private:
  KeyStore(std::string directory, FileLayer& files) : directory_(std::move(directory)), files_(&files) {}
  base::Status save(const std::string& name, const base::SigningKey& key, uint64_t period, base::WallTime since) const;
  base::Status load_current();
  base::Status destroy_current_and_take_next();

  std::string directory_;
  FileLayer* files_;
  std::string origin_;
  uint64_t period_ = 0;
  base::WallTime since_{};
  std::optional<base::SigningKey> key_;
  std::optional<base::SigningKey> next_;
  std::optional<std::string> unfinished_;  // the note of a hand-over that failed half-way
  std::optional<Handover> last_handover_;
};

// The public keys of a ledger in order, each vouched for by the one before.
struct KeyChain {
  std::vector<VerifierKey> keys;     // [period]
  std::vector<Handover> handovers;   // [period - 1]
  std::optional<std::string> fault;  // why the chain ends before its files do
};
// From the first key on through the notes, oldest first; `first` as below.
KeyChain follow_keys(const VerifierKey& stored, const std::vector<std::string>& notes,
                     const std::optional<VerifierKey>& first);
// The notes of a ledger's hand-overs, oldest first.
base::Result<std::vector<std::string>> read_key_notes(const std::string& directory);
// The first key as the directory has it.
base::Result<VerifierKey> read_first_key(const std::string& directory);
// `first` is the key the reader trusts; without it the one in keys/0.vkey is believed.
base::Result<KeyChain> read_key_chain(const std::string& directory, const std::optional<VerifierKey>& first);

}  // namespace hv::audit
