#include "audit/key_store.h"

#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/format.h"
#include "base/random.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr std::string_view kHandoverTitle = "hydravisor ledger key handover v1";
constexpr std::string_view kKeyTitle = "hydravisor ledger signing key v1";

bool parse_number(std::string_view text, uint64_t& value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && end == text.data() + text.size() && (text.size() == 1 || text[0] != '0');
}

std::string note_path(const std::string& keys, uint64_t period) {
  return base::format("{}/{}.note", keys, period);
}

struct StoredKey {
  std::string origin;
  uint64_t period = 0;
  base::WallTime since{};
  base::SigningKey key;
};

base::Result<StoredKey> read_key(const std::string& path) {
  auto bad = [&](std::string_view why) {
    return base::Failure(base::conflict(base::format("ledger key {}: {}", path, why))
                             .with_hint("the ledger cannot be continued without its key: move its directory elsewhere, "
                                        "keep it, and a new ledger will begin"));
  };
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0 && (about.st_mode & 077) != 0)
    return bad("others may read it (its mode must be 0600)");
  std::string text = HV_TRY_CONTEXT(base::read_file(path, 4096), "ledger key");
  std::vector<std::string> lines = base::split(text, '\n');
  if (lines.size() != 6 || lines[0] != kKeyTitle || !lines[1].starts_with("origin ") ||
      !lines[2].starts_with("period ") || !lines[3].starts_with("since ") || !lines[4].starts_with("seed ") ||
      !lines[5].empty())
    return bad("not a key of version 1");
  base::Result<std::string> seed = base::from_base64(std::string_view(lines[4]).substr(5));
  if (!seed) return bad("its seed is not base64");
  base::Result<base::SigningKey> key = base::SigningKey::from_seed(*seed);
  if (!key) return bad("its seed does not have 32 bytes");
  StoredKey stored{lines[1].substr(7), 0, {}, *std::move(key)};
  if (!parse_number(std::string_view(lines[2]).substr(7), stored.period)) return bad("its period is not a number");
  stored.since = HV_TRY(base::from_rfc3339(std::string_view(lines[3]).substr(6)));
  return stored;
}

// In place, before it is replaced; file systems that copy on write keep the old blocks for a while all the same.
base::Status overwrite(const std::string& key) {
  base::Result<base::Fd> fd = base::open_file(key, O_WRONLY | O_NOFOLLOW);
  if (!fd && fd.error().code() == base::ErrorCode::not_found) return {};
  if (!fd) return base::Failure(std::move(fd).error().with_context("destroy the ledger's old key"));
  off_t size = ::lseek(fd->get(), 0, SEEK_END);
  std::string zeros(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  if (::lseek(fd->get(), 0, SEEK_SET) != 0)
    return base::Failure(base::Error::from_errno(errno, "destroy the ledger's old key", key));
  HV_TRY_CONTEXT(base::write_all(fd->get(), zeros), "destroy the ledger's old key");
  if (::fsync(fd->get()) != 0)
    return base::Failure(base::Error::from_errno(errno, "destroy the ledger's old key", key));
  return {};
}

}  // namespace

std::string Handover::text() const {
  return base::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n", kHandoverTitle, origin, period, key.text(), size,
                      base::to_base64(base::as_view(root)), base::to_rfc3339(time));
}

base::Result<Handover> Handover::parse_text(std::string_view text) {
  std::vector<std::string> lines = base::split(text, '\n');
  Handover handover;
  if (lines.size() != 8 || lines[0] != kHandoverTitle || !parse_number(lines[2], handover.period) ||
      !parse_number(lines[4], handover.size) || !lines[7].empty())
    return base::Failure(base::invalid_argument("not a key handover of version 1"));
  handover.origin = lines[1];
  handover.key = HV_TRY(VerifierKey::parse(lines[3]));
  Checkpoint tree = HV_TRY(Checkpoint::parse_text(base::format("{}\n{}\n{}\n", lines[1], lines[4], lines[5])));
  handover.root = tree.root;
  handover.time = HV_TRY(base::from_rfc3339(lines[6]));
  if (handover.key.name != handover.origin || handover.text() != text)
    return base::Failure(base::invalid_argument("key handover: its key belongs to another origin"));
  return handover;
}

base::Result<KeyStore> KeyStore::open(const std::string& directory, const std::string& origin, bool create,
                                      FileLayer& files, const base::Clock& clock) {
  KeyStore store(directory + "/keys", files);
  std::string current = store.directory_ + "/current";
  std::string next = store.directory_ + "/next";
  if (create && !base::path_exists(current) && !base::path_exists(next)) {
    HV_TRY_CONTEXT(base::make_directories(store.directory_), "make the ledger's first key");
    store.origin_ = origin;
    if (origin.empty()) store.origin_ = "hydravisor/" + base::to_hex(HV_TRY(base::random_bytes(8)));
    if (!is_valid_key_name(store.origin_))
      return base::Failure(base::invalid_argument(base::format("ledger origin '{}'", base::printable(store.origin_)))
                               .with_hint("use a name without spaces and '+', such as example.com/machine"));
    base::SigningKey key = HV_TRY(base::SigningKey::generate());
    // The public half first: a key without it could not be verified by anyone.
    HV_TRY(files.replace(store.directory_ + "/0.vkey", VerifierKey::of(store.origin_, key).text() + "\n", true));
    HV_TRY(store.save("current", key, 0, clock.wall()));
  }
  if (base::path_exists(next)) {
    StoredKey stored = HV_TRY(read_key(next));
    if (base::path_exists(note_path(store.directory_, stored.period))) {
      HV_TRY(store.destroy_current_and_take_next());
    } else if (::unlink(next.c_str()) != 0) {
      // Never signed for, so nobody knows it.
      return base::Failure(base::Error::from_errno(errno, "remove an unused ledger key", next));
    }
  }
  HV_TRY(store.load_current());
  if (!origin.empty() && origin != store.origin_)
    return base::Failure(base::conflict(
        base::format("open the ledger: its origin is '{}', not '{}'", store.origin_, base::printable(origin))));
  return store;
}

base::Status KeyStore::load_current() {
  StoredKey stored = HV_TRY(read_key(directory_ + "/current"));
  origin_ = std::move(stored.origin);
  period_ = stored.period;
  since_ = stored.since;
  key_ = std::move(stored.key);
  last_handover_.reset();
  if (period_ == 0) return {};
  std::string note_text = HV_TRY_CONTEXT(base::read_file(note_path(directory_, period_), 65536), "ledger key");
  Note note = HV_TRY(Note::parse(note_text));
  last_handover_ = HV_TRY(Handover::parse_text(note.text));
  return {};
}

base::Status KeyStore::save(const std::string& name, const base::SigningKey& key, uint64_t period,
                            base::WallTime since) const {
  std::string text = base::format("{}\norigin {}\nperiod {}\nsince {}\nseed {}\n", kKeyTitle, origin_, period,
                                  base::to_rfc3339(since), base::to_base64(key.seed()));
  base::Status saved = files_->replace(directory_ + "/" + name, text, true);
  explicit_bzero(text.data(), text.size());
  return saved;
}

base::Result<VerifierKey> KeyStore::prepare_next(base::WallTime now) {
  next_ = HV_TRY(base::SigningKey::generate());
  HV_TRY_CONTEXT(save("next", *next_, period_ + 1, now), "make the ledger's next key");
  return VerifierKey::of(origin_, *next_);
}

base::Status KeyStore::hand_over(uint64_t size, const Digest& root, base::WallTime now) {
  HV_CHECK(next_.has_value() && !unfinished_);
  Handover handover{origin_, period_ + 1, VerifierKey::of(origin_, *next_), size, root, now};
  unfinished_ = sign_note(handover.text(), {{origin_, *key_}, {origin_, *next_}});
  base::Status completed = complete();
  // Not even begun: the present key's word for the next one is nowhere.
  if (!completed && !base::path_exists(note_path(directory_, period_ + 1))) unfinished_.reset();
  return completed;
}

base::Status KeyStore::complete() {
  if (!unfinished_) return {};
  HV_TRY_CONTEXT(files_->replace(note_path(directory_, period_ + 1), *unfinished_, true), "hand over the ledger's key");
  HV_TRY(destroy_current_and_take_next());
  HV_TRY(load_current());
  next_.reset();
  unfinished_.reset();
  return {};
}

base::Status KeyStore::destroy_current_and_take_next() {
  std::string current = directory_ + "/current";
  std::string next = directory_ + "/next";
  // Taken already when only the directory could not be synced.
  if (base::path_exists(next)) {
    HV_TRY(overwrite(current));
    if (::rename(next.c_str(), current.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "take the ledger's next key", current));
  }
  base::Fd directory = HV_TRY(base::open_file(directory_, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return base::Failure(base::Error::from_errno(errno, "fsync", directory_));
  return {};
}

KeyChain follow_keys(const VerifierKey& stored, const std::vector<std::string>& notes,
                     const std::optional<VerifierKey>& first) {
  KeyChain chain;
  chain.keys.push_back(first.value_or(stored));
  if (stored != chain.keys[0]) chain.fault = "keys/0.vkey is not the first key that was given";
  for (uint64_t period = 1; period <= notes.size() && !chain.fault; ++period) {
    auto fail = [&](std::string_view why) { chain.fault = base::format("keys/{}.note: {}", period, why); };
    base::Result<Note> note = Note::parse(notes[period - 1]);
    base::Result<Handover> handover = note ? Handover::parse_text(note->text) : base::Failure(note.error());
    if (!handover) {
      fail(handover.error().message());
    } else if (handover->period != period || handover->origin != chain.keys[0].name) {
      fail("it belongs to another period or ledger");
    } else if (!note->signed_by(chain.keys.back())) {
      fail(base::format("the key of period {} did not sign it", period - 1));
    } else if (!note->signed_by(handover->key)) {
      fail("the new key did not sign it");
    } else if (!chain.handovers.empty() && handover->size <= chain.handovers.back().size) {
      fail("its tree is not larger than the one before");
    } else {
      chain.keys.push_back(handover->key);
      chain.handovers.push_back(*std::move(handover));
    }
  }
  return chain;
}

base::Result<VerifierKey> read_first_key(const std::string& directory) {
  std::string text = HV_TRY_CONTEXT(base::read_file(directory + "/keys/0.vkey", 4096), "read the ledger's first key");
  if (text.ends_with('\n')) text.pop_back();
  return VerifierKey::parse(text);
}

base::Result<std::vector<std::string>> read_key_notes(const std::string& directory) {
  std::string keys = directory + "/keys";
  std::vector<std::string> notes;
  for (uint64_t period = 1; base::path_exists(note_path(keys, period)); ++period)
    notes.push_back(HV_TRY(base::read_file(note_path(keys, period), 65536)));
  return notes;
}

base::Result<KeyChain> read_key_chain(const std::string& directory, const std::optional<VerifierKey>& first) {
  VerifierKey stored = HV_TRY(read_first_key(directory));
  return follow_keys(stored, HV_TRY(read_key_notes(directory)), first);
}

}  // namespace hv::audit
