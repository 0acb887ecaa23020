#include "audit/remote_witness.h"

#include <charconv>

#include "audit/tile_tree.h"
#include "base/check.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

base::Failure refuse(const std::string& why) {
  return base::Failure(
      base::conflict("witness: " + why).with_hint("what is wrong: hydravisor audit verify --witness DIRECTORY"));
}

base::Result<CosignerKey> choose_key(const std::string& kept, const std::optional<CosignerKey>& given) {
  std::string path = kept + "/witness.vkey";
  if (!base::path_exists(path)) {
    if (given) return *given;
    return base::Failure(base::invalid_argument("witness: its public key is not known yet")
                             .with_hint("name it the first time: hydravisor audit witness URL --key NAME+ID+KEY"));
  }
  std::string text = HV_TRY_CONTEXT(base::read_file(path, 4096), "witness");
  if (text.ends_with('\n')) text.pop_back();
  CosignerKey key = HV_TRY(CosignerKey::parse(text));
  if (given && given->text() != key.text())
    return base::Failure(base::conflict(base::format("witness: its key was {} before", key.text()))
                             .with_hint("if that is right, remove " + kept + " and begin anew with this witness"));
  return key;
}

base::Result<std::string> request_body(const std::string& ledger, uint64_t old, const SignedCheckpoint& now) {
  std::string body = base::format("old {}\n", old);
  if (old > 0 && old < now.checkpoint.size)
    for (const Digest& hash :
         HV_TRY_CONTEXT(TileTree(ledger, now.checkpoint.size).consistency(old), "witness: prove the continuation"))
      body += base::to_base64(base::as_view(hash)) + "\n";
  return body + "\n" + now.text;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  uint64_t size = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return size;
}

base::Failure said_no(const WitnessAnswer& answer, const SignedCheckpoint& now) {
  std::string said = base::printable(std::string_view(answer.body).substr(0, 200));
  switch (answer.status) {
    case 403:
      return base::Failure(
          base::denied("witness: it does not know the key that signed the checkpoint")
              .with_hint("a ledger's key changes with each period; tell the witness the present one: " +
                         now.last_key.text()));
    case 404:
      return base::Failure(base::not_found("witness: it does not know the ledger " + now.checkpoint.origin)
                               .with_hint("have it configured with this key: " + now.last_key.text()));
    case 422:
      return refuse("it does not accept that the ledger continues what it saw: the past is another one");
    default:
      return base::Failure(base::unavailable(base::format("witness: it answered {}: {}", answer.status, said)));
  }
}

}  // namespace

base::Result<Witnessed> witness_remotely(const std::string& ledger, const std::string& kept,
                                         const std::optional<CosignerKey>& given, const PostToWitness& post) {
  HV_TRY_CONTEXT(base::make_directories(kept), "witness");
  CosignerKey key = HV_TRY(choose_key(kept, given));
  std::optional<VerifierKey> first;
  if (base::path_exists(kept + "/first.vkey")) first = HV_TRY(witnessed_first_key(kept));
  SignedCheckpoint now = HV_TRY(present_checkpoint(ledger, first));
  uint64_t size = now.checkpoint.size;
  uint64_t old = 0;
  if (base::path_exists(kept + "/checkpoint")) {
    std::string held = HV_TRY_CONTEXT(witnessed_checkpoint(kept), "witness");
    Note note = HV_TRY(Note::parse(held));
    Checkpoint before = HV_TRY(Checkpoint::parse_text(note.text));
    HV_TRY(check_continues(ledger, before, now.checkpoint));
    old = before.size;
  }
  std::string body = HV_TRY(request_body(ledger, old, now));
  WitnessAnswer answer = HV_TRY_CONTEXT(post(body), "witness");
  if (answer.status == 409) {
    // It saw another checkpoint last: one that was sent and whose answer got lost, or one of a ledger since set back.
    std::optional<uint64_t> seen = parse_size(answer.body);
    if (!seen || *seen == old)
      return base::Failure(base::unavailable("witness: it answered 409 without the size that it saw last"));
    if (*seen > size)
      return refuse(base::format("the ledger was set back: sealed are {} entries, it saw {}", size, *seen));
    old = *seen;
    body = HV_TRY(request_body(ledger, old, now));
    answer = HV_TRY_CONTEXT(post(body), "witness");
  }
  if (answer.status != 200) return said_no(answer, now);

  std::string text = now.text + answer.body;
  base::Result<Note> note = Note::parse(text);
  if (!note || !cosigned_at(*note, key))
    return refuse("what it answered is not a cosignature of this checkpoint by the key " + key.text());
  // The key before the checkpoint that it signed: without it that could not be read.
  if (!base::path_exists(kept + "/witness.vkey"))
    HV_TRY(base::write_file_atomically(kept + "/witness.vkey", key.text() + "\n", 0644));
  if (!first) HV_TRY(base::write_file_atomically(kept + "/first.vkey", now.first_key.text() + "\n", 0644));
  HV_TRY(base::write_file_atomically(kept + "/checkpoint", text, 0644));
  return Witnessed{key.text(), now.checkpoint.origin, old, size};
}

}  // namespace hv::audit
