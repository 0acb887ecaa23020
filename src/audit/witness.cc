#include "audit/witness.h"

#include <chrono>

#include <fcntl.h>
#include <sys/file.h>

#include "audit/key_store.h"
#include "audit/tile_tree.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/random.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr std::string_view kTitle = "hydravisor witness key v1";

struct WitnessKey {
  std::string name;
  base::SigningKey key;
};

base::Result<WitnessKey> read_key(const std::string& directory) {
  std::string text = HV_TRY(base::read_file(directory + "/key", 4096));
  std::vector<std::string> lines = base::split(text, '\n');
  if (lines.size() != 4 || lines[0] != kTitle || !lines[1].starts_with("name ") || !lines[2].starts_with("seed "))
    return base::Failure(base::invalid_argument("witness: " + directory + "/key is not a witness's key"));
  std::string seed = HV_TRY_CONTEXT(base::from_base64(lines[2].substr(5)), "witness key");
  return WitnessKey{lines[1].substr(5), HV_TRY(base::SigningKey::from_seed(seed))};
}

base::Result<WitnessKey> open_key(const std::string& directory) {
  if (base::path_exists(directory + "/key")) return read_key(directory);
  std::string name = "hydravisor-witness/" + base::to_hex(HV_TRY(base::random_bytes(6)));
  base::SigningKey key = HV_TRY(base::SigningKey::generate());
  HV_TRY(base::write_file_atomically(directory + "/witness.vkey", CosignerKey::of(name, key).text() + "\n", 0644));
  std::string text = base::format("{}\nname {}\nseed {}\n", kTitle, name, base::to_base64(key.seed()));
  base::Status written = base::write_file_atomically(directory + "/key", text);
  explicit_bzero(text.data(), text.size());
  if (!written) return base::Failure(std::move(written).error());
  return WitnessKey{std::move(name), std::move(key)};
}

base::Failure refuse(const std::string& why) {
  return base::Failure(
      base::conflict("witness: " + why).with_hint("what is wrong: hydravisor audit verify --witness DIRECTORY"));
}

}  // namespace

base::Status check_continues(const std::string& ledger, const Checkpoint& old, const Checkpoint& now) {
  if (old.origin != now.origin) return refuse(base::format("it holds the ledger {}, not {}", old.origin, now.origin));
  if (now.size < old.size)
    return refuse(base::format("the ledger was set back: sealed are {} entries, {} were before", now.size, old.size));
  if (now.size == old.size)
    return now.root == old.root ? base::Status() : refuse("the ledger has another past than the one that was cosigned");
  if (old.size == 0) return {};
  std::vector<Digest> proof = HV_TRY_CONTEXT(TileTree(ledger, now.size).consistency(old.size), "witness");
  if (!check_consistency(old.size, old.root, now.size, now.root, proof))
    return refuse("the ledger has another past than the one that was cosigned");
  return {};
}

base::Result<SignedCheckpoint> present_checkpoint(const std::string& ledger, const std::optional<VerifierKey>& first) {
  // The writer may be between a hand-over and its first checkpoint, which the key before still signed.
  std::string text = HV_TRY_CONTEXT(base::read_file(ledger + "/checkpoint", 65536), "read the ledger's checkpoint");
  Note note = HV_TRY_CONTEXT(Note::parse(text), "read the ledger's checkpoint");
  Checkpoint checkpoint = HV_TRY_CONTEXT(Checkpoint::parse_text(note.text), "read the ledger's checkpoint");
  KeyChain chain = HV_TRY_CONTEXT(read_key_chain(ledger, first), "witness");
  if (chain.fault) return refuse(*chain.fault);
  bool by_last = note.signed_by(chain.keys.back());
  bool by_previous = chain.keys.size() > 1 && note.signed_by(chain.keys[chain.keys.size() - 2]);
  if (checkpoint.origin != chain.keys[0].name || !(by_last || by_previous))
    return refuse("the checkpoint is not signed by the ledger's key");
  return SignedCheckpoint{std::move(text), std::move(note), std::move(checkpoint), chain.keys[0], chain.keys.back()};
}

base::Result<Witnessed> witness_ledger(const std::string& ledger, const std::string& witness,
                                       const base::Clock& clock) {
  HV_TRY_CONTEXT(base::make_directories(witness), "witness");
  base::Fd lock = HV_TRY_CONTEXT(base::open_file(witness + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600), "witness");
  if (::flock(lock.get(), LOCK_EX) != 0)
    return base::Failure(base::Error::from_errno(errno, "lock the witness", witness));
  WitnessKey key = HV_TRY_CONTEXT(open_key(witness), "witness");
  std::optional<VerifierKey> first;
  if (base::path_exists(witness + "/first.vkey")) first = HV_TRY(witnessed_first_key(witness));
  SignedCheckpoint now = HV_TRY(present_checkpoint(ledger, first));

  Witnessed result{CosignerKey::of(key.name, key.key).text(), now.checkpoint.origin, 0, now.checkpoint.size};
  if (base::path_exists(witness + "/checkpoint")) {
    std::string held = HV_TRY_CONTEXT(witnessed_checkpoint(witness), "witness");
    Note note = HV_TRY(Note::parse(held));
    Checkpoint old = HV_TRY(Checkpoint::parse_text(note.text));
    HV_TRY(check_continues(ledger, old, now.checkpoint));
    result.before = old.size;
  }
  if (!first) HV_TRY(base::write_file_atomically(witness + "/first.vkey", now.first_key.text() + "\n", 0644));
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
  std::string text = now.text + cosignature_line(now.note.text, key.name, key.key, static_cast<uint64_t>(seconds));
  HV_TRY(base::write_file_atomically(witness + "/checkpoint", text, 0644));
  return result;
}

base::Result<std::string> witnessed_checkpoint(const std::string& witness) {
  std::string key_text = HV_TRY_CONTEXT(base::read_file(witness + "/witness.vkey", 4096), "read the witness");
  if (key_text.ends_with('\n')) key_text.pop_back();
  CosignerKey key = HV_TRY(CosignerKey::parse(key_text));
  std::string text = HV_TRY_CONTEXT(base::read_file(witness + "/checkpoint", 65536), "read the witness");
  Note note = HV_TRY_CONTEXT(Note::parse(text), "read the witness");
  if (!cosigned_at(note, key))
    return base::Failure(base::conflict("the witness's checkpoint is not cosigned by its key: " + witness));
  return text;
}

base::Result<VerifierKey> witnessed_first_key(const std::string& witness) {
  std::string text = HV_TRY_CONTEXT(base::read_file(witness + "/first.vkey", 4096), "read the witness");
  if (text.ends_with('\n')) text.pop_back();
  return VerifierKey::parse(text);
}

}  // namespace hv::audit
