// A leaf of the ledger's tree: what happened, when, to whom, and the hash of what else is known about it. One spelling
// for each envelope: compact JSON whose members stand in a fixed order, so that a reader needs no general parser and
// two readers cannot see two documents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"
#include "core/event.h"

namespace hv::audit {

constexpr size_t kMaxEnvelopeSize = 4096;
constexpr uint64_t kEnvelopeVersion = 1;

struct Envelope {
  uint64_t version = kEnvelopeVersion;  // of another one, only this and the index are known: later_envelope.h
  uint64_t index = 0;
  base::WallTime time{};
  base::MonotonicTime monotonic{};
  std::string kind;
  std::string sandbox;
  std::string principal;
  core::Trust trust = core::Trust::observed;
  core::Risk risk = core::Risk::info;
  std::optional<core::Origin> origin;
  base::Digest payload_hash{};  // SHA-256 of the salt followed by the payload
  uint32_t payload_size = 0;
};

// invalid_argument when a field of the event could not stand in an envelope: a kind other than 1-64 of a-z 0-9 '.' '_',
// or a sandbox, principal or spool that is too long or not plain ASCII. These come from our own code, never from an
// agent.
base::Status check_event_fields(const core::Event& event);

std::string encode_envelope(const Envelope& envelope);
void append_envelope(std::string& out, const Envelope& envelope);
// Accepts exactly what encode_envelope() makes.
base::Result<Envelope> decode_envelope(std::string_view text);

}  // namespace hv::audit
