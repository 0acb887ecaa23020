#include "audit/bundle.h"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "audit/later_envelope.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"

namespace hv::audit {

namespace {

using base::json::Array;
using base::json::Object;
using base::json::ObjectReader;
using base::json::Value;

constexpr std::string_view kFormat = "hydravisor-bundle-1";
// An entry's line: 64 KiB of payload, each byte of it escaped, and a proof.
constexpr size_t kLongestLine = size_t{1} << 20;
constexpr size_t kMostProblems = 100;

Array to_array(const std::vector<Digest>& hashes) {
  Array array;
  for (const Digest& hash : hashes) array.emplace_back(base::to_base64(base::as_view(hash)));
  return array;
}

base::Result<std::vector<Digest>> to_hashes(const std::vector<std::string>& texts) {
  std::vector<Digest> hashes;
  for (const std::string& text : texts) {
    std::string bytes = HV_TRY(base::from_base64(text));
    if (bytes.size() != 32 || hashes.size() == 128)
      return base::Failure(base::invalid_argument("a proof is a list of SHA-256 hashes"));
    hashes.emplace_back();
    std::ranges::copy(bytes, hashes.back().begin());
  }
  return hashes;
}

base::Result<Checkpoint> checkpoint_of(const Note& note) {
  return Checkpoint::parse_text(note.text);
}

// What a remembered checkpoint and its proof say in a header.
base::Result<Object> consistency_of(const TileTree& tree, const Checkpoint& now, const std::string& remembered) {
  Note note = HV_TRY(Note::parse(remembered));
  Checkpoint old = HV_TRY(checkpoint_of(note));
  if (old.origin != now.origin)
    return base::Failure(base::conflict("that checkpoint is of another ledger, " + base::printable(old.origin)));
  if (old.size == 0 || old.size > now.size)
    return base::Failure(base::conflict(
        base::format("the ledger is sealed up to {} entries; the checkpoint covers {}", now.size, old.size)));
  std::vector<Digest> proof = HV_TRY(tree.consistency(old.size));
  if (!check_consistency(old.size, old.root, now.size, now.root, proof))
    return base::Failure(base::conflict("the ledger does not continue that checkpoint: its past was changed"));
  return Object{{"checkpoint", remembered}, {"proof", to_array(proof)}};
}

}  // namespace

base::Result<BundleWriter> BundleWriter::begin(const std::string& directory,
                                               const std::optional<std::string>& remembered) {
  if (!base::path_exists(directory + "/checkpoint")) return base::Failure(base::not_found("nothing is sealed yet"));
  std::string note_text = HV_TRY_CONTEXT(base::read_file(directory + "/checkpoint", 65536), "make a bundle");
  Note note = HV_TRY(Note::parse(note_text));
  Checkpoint checkpoint = HV_TRY(checkpoint_of(note));
  // Read after the checkpoint, so that its key is among them.
  VerifierKey first = HV_TRY(read_first_key(directory));
  std::vector<std::string> notes = HV_TRY(read_key_notes(directory));
  BundleWriter writer(directory, std::move(checkpoint));
  Array keys{Value(first.text())};
  for (const std::string& text : notes) keys.emplace_back(text);
  Object header{{"bundle", kFormat}, {"checkpoint", note_text}};
  header["keys"] = std::move(keys);
  if (remembered)
    header["continues"] =
        HV_TRY_CONTEXT(consistency_of(writer.tree_, writer.checkpoint_, *remembered), "make a bundle");
  writer.header_ = base::json::serialize(header) + "\n";
  return writer;
}

base::Result<std::string> BundleWriter::line(const Entry& entry) {
  uint64_t index = entry.envelope.index;
  std::vector<Digest> proof = HV_TRY_CONTEXT(tree_.inclusion(index), "make a bundle");
  if (!check_inclusion(leaf_hash(entry.envelope_text), index, checkpoint_.size, proof, checkpoint_.root))
    return base::Failure(base::conflict(base::format("make a bundle: entry {} is not the one that was sealed", index))
                             .with_hint("run 'hydravisor audit verify' to see what was changed"));
  Object line{{"envelope", entry.envelope_text}};
  if (entry.payload_state == PayloadState::present) {
    line["salt"] = base::to_hex(entry.salt);
    line["payload"] = entry.payload;
  }
  line["proof"] = to_array(proof);
  ++lines_;
  return base::json::serialize(line) + "\n";
}

std::string BundleWriter::end() const {
  return base::format("{{\"entries\":{}}}\n", lines_);
}

void BundleChecker::add(ProblemKind kind, std::optional<Range> entries, std::string message) {
  if (report_.problems.size() < kMostProblems) report_.problems.emplace_back(kind, entries, std::move(message));
}

void BundleChecker::line(std::string_view text) {
  if (lines_++ == 0) return header(text);
  if (!readable_) return;
  if (ended_) return add(ProblemKind::damaged, std::nullopt, "lines follow its end");
  entry(text);
}

void BundleChecker::header(std::string_view text) {
  auto read = [&]() -> base::Status {
    Value value = HV_TRY(base::json::parse(text));
    ObjectReader reader = HV_TRY(ObjectReader::over(value));
    if (HV_TRY(reader.string("bundle")) != kFormat)
      return base::Failure(base::unsupported("it is not of the format " + std::string(kFormat)));
    std::string checkpoint_text = HV_TRY(reader.string("checkpoint"));
    std::vector<std::string> keys = HV_TRY(reader.strings("keys"));
    const Value* continues = reader.member("continues");
    HV_TRY(reader.finish());
    if (keys.empty()) return base::Failure(base::invalid_argument("it has no key"));
    VerifierKey stored = HV_TRY(VerifierKey::parse(keys[0]));
    chain_ = follow_keys(stored, {keys.begin() + 1, keys.end()}, first_key_);
    if (chain_.fault) add(ProblemKind::key_swapped, std::nullopt, *chain_.fault);
    report_.origin = chain_.keys[0].name;
    for (const VerifierKey& key : chain_.keys) report_.keys.push_back(key.text());
    Note note = HV_TRY(Note::parse(checkpoint_text));
    Checkpoint checkpoint = HV_TRY(checkpoint_of(note));
    bool is_signed = std::ranges::any_of(chain_.keys, [&](const VerifierKey& key) { return note.signed_by(key); });
    if (!is_signed || checkpoint.origin != report_.origin)
      add(ProblemKind::key_swapped, std::nullopt, "the checkpoint is not signed by the ledger's key");
    report_.checkpoint = checkpoint;
    report_.sealed = checkpoint.size;
    readable_ = true;
    if (continues == nullptr) return {};
    ObjectReader before = HV_TRY(ObjectReader::over(*continues, "continues"));
    std::string old_text = HV_TRY(before.string("checkpoint"));
    Note old_note = HV_TRY(Note::parse(old_text));
    std::vector<std::string> hashes = HV_TRY(before.strings("proof"));
    std::vector<Digest> proof = HV_TRY(to_hashes(hashes));
    HV_TRY(before.finish());
    Checkpoint old = HV_TRY(checkpoint_of(old_note));
    if (std::ranges::none_of(chain_.keys, [&](const VerifierKey& key) { return old_note.signed_by(key); }))
      add(ProblemKind::key_swapped, std::nullopt, "the checkpoint from before is not signed by a key of this ledger");
    if (old.origin != checkpoint.origin || old.size == 0 ||
        !check_consistency(old.size, old.root, checkpoint.size, checkpoint.root, proof))
      add(ProblemKind::rewritten, std::nullopt, "the ledger does not continue the checkpoint from before");
    else
      report_.notes.push_back(base::format("it continues the checkpoint of {} entries", old.size));
    return {};
  };
  if (base::Status status = read(); !status)
    add(ProblemKind::damaged, std::nullopt, "its first line: " + status.error().message());
}

void BundleChecker::entry(std::string_view text) {
  auto read = [&]() -> base::Status {
    Value value = HV_TRY(base::json::parse(text));
    ObjectReader reader = HV_TRY(ObjectReader::over(value));
    if (std::optional<int64_t> entries = HV_TRY(reader.optional_integer("entries"))) {
      HV_TRY(reader.finish());
      ended_ = static_cast<uint64_t>(*entries);
      return {};
    }
    std::string envelope_text = HV_TRY(reader.string("envelope"));
    std::optional<std::string> salt_text = HV_TRY(reader.optional_string("salt"));
    std::optional<std::string> payload = HV_TRY(reader.optional_string("payload"));
    std::vector<std::string> hashes = HV_TRY(reader.strings("proof"));
    std::vector<Digest> proof = HV_TRY(to_hashes(hashes));
    HV_TRY(reader.finish());
    Envelope envelope;
    if (std::optional<LaterEnvelope> later = read_later_envelope(envelope_text)) {
      envelope.version = later->version;
      envelope.index = later->index;
    } else {
      envelope = HV_TRY(decode_envelope(envelope_text));
    }
    ++report_.entries;
    Range here{envelope.index, envelope.index};
    if (last_ && envelope.index <= *last_) add(ProblemKind::reordered, here, "it does not follow the one before");
    last_ = envelope.index;
    if (envelope.index >= report_.sealed ||
        !check_inclusion(leaf_hash(envelope_text), envelope.index, report_.sealed, proof, report_.checkpoint->root))
      add(ProblemKind::changed, here, base::format("entry {} is not the one that was sealed", envelope.index));
    if (!payload || !salt_text) {
      report_.deleted_payloads.push_back(here);
      return {};
    }
    std::string salt = HV_TRY(base::from_hex(*salt_text));
    if (envelope.version != kEnvelopeVersion) {
      add_to_ranges(report_.later_entries, envelope.index);
      return {};
    }
    if (envelope.payload_size != payload->size() || envelope.payload_hash != base::sha256({salt, *payload}))
      add(ProblemKind::payload_changed, here,
          base::format("entry {}: its payload is not the one it was sealed with", envelope.index));
    return {};
  };
  if (base::Status status = read(); !status)
    add(ProblemKind::damaged, std::nullopt, base::format("line {}: {}", lines_, status.error().message()));
}

Report BundleChecker::finish() {
  if (lines_ == 0) {
    add(ProblemKind::damaged, std::nullopt, "it is empty");
  } else if (readable_ && ended_ != report_.entries) {
    add(ProblemKind::truncated, std::nullopt,
        ended_ ? base::format("it says that it holds {} entries, and holds {}", *ended_, report_.entries)
               : std::string("its end is missing"));
  }
  note_later_entries(report_);
  return std::move(report_);
}

base::Result<Report> check_bundle(const std::string& path, const std::optional<VerifierKey>& first_key) {
  base::Fd fd = HV_TRY_CONTEXT(base::open_file(path, O_RDONLY), "check the bundle");
  BundleChecker checker(first_key);
  std::string buffer;
  for (;;) {
    size_t begin = 0;
    for (size_t end = 0; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1)
      checker.line(std::string_view(buffer).substr(begin, end - begin));
    buffer.erase(0, begin);
    if (buffer.size() > kLongestLine)
      return base::Failure(base::invalid_argument("check the bundle: a line of it is too long"));
    char chunk[65536];
    ssize_t count = ::read(fd.get(), chunk, sizeof chunk);
    if (count < 0) return base::Failure(base::Error::from_errno(errno, "check the bundle", path));
    if (count == 0) break;
    buffer.append(chunk, static_cast<size_t>(count));
  }
  if (!buffer.empty()) checker.line(buffer);
  return checker.finish();
}

}  // namespace hv::audit
