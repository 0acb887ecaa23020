// What lies on disk may be anything: every reader of the journal, its envelopes, notes and proofs must answer, never
// crash, and agree with the writer about what is well formed.
#include <cstdint>
#include <string_view>

#include "audit/envelope.h"
#include "audit/frame.h"
#include "audit/key_store.h"
#include "audit/note.h"
#include "audit/spool_index.h"
#include "audit/tile_tree.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hv::audit;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);

  (void)decode_segment_header(bytes);
  size_t at = 0;
  while (at < bytes.size()) {
    FrameResult result = decode_frame(bytes.substr(at));
    if (result.fault == FrameFault::none) {
      HV_CHECK(result.frame.size() <= bytes.size() - at);
      if (result.frame.payload_intact)
        HV_CHECK(encode_frame(result.frame.envelope, result.frame.salt, result.frame.payload) ==
                 bytes.substr(at, result.frame.size()));
      auto envelope = decode_envelope(result.frame.envelope);
      if (envelope) HV_CHECK(encode_envelope(*envelope) == result.frame.envelope);
      at += result.frame.size();
      continue;
    }
    std::optional<size_t> next = find_frame(bytes, at + 1);
    if (!next) break;
    HV_CHECK(*next > at);
    at = *next;
  }
  // The text formats take the same input: their corpus lies beside the journal's.
  if (auto envelope = decode_envelope(bytes)) HV_CHECK(encode_envelope(*envelope) == bytes);
  if (auto note = Note::parse(bytes)) {
    if (auto checkpoint = Checkpoint::parse_text(note->text)) (void)checkpoint->text();
    if (auto handover = Handover::parse_text(note->text)) HV_CHECK(handover->text() == note->text);
  }
  if (auto key = VerifierKey::parse(bytes)) HV_CHECK(key->text() == bytes);
  (void)SpoolIndex::decode(bytes);
  (void)parse_proof(bytes);
  return 0;
}
