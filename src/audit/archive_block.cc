#include "audit/archive_block.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "audit/envelope.h"
#include "audit/frame.h"
#include "base/crypto.h"

namespace hv::audit {

namespace {

enum Form : char { kPresent = 0, kDeleted = 1, kAsItIs = 2 };
constexpr size_t kColumns = 6;  // forms, heads, numbers, sizes, texts, unusual
constexpr size_t kChecksum = 4;
constexpr size_t kChecksumOffset = 12;  // of the payload's, within a frame

void put_number(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
// Small ones of either sign become small ones without.
void put_difference(std::string& out, uint64_t now, uint64_t before) {
  uint64_t difference = now - before;
  put_number(out, difference << 1 ^ (0 - (difference >> 63)));
}

// Takes from the front; one failed step fails all later ones.
class Parts {
 public:
  explicit Parts(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    rest_ = {};
    return 0;
  }
  uint64_t after(uint64_t before) {
    uint64_t folded = number();
    return before + (folded >> 1 ^ (0 - (folded & 1)));
  }
  std::string_view bytes(uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// What many envelopes have in common.
std::string head_of(const Envelope& envelope) {
  std::string head;
  for (std::string_view part :
       {std::string_view(envelope.kind), std::string_view(envelope.sandbox), std::string_view(envelope.principal),
        core::trust_name(envelope.trust), core::risk_name(envelope.risk),
        envelope.origin ? std::string_view(envelope.origin->spool) : std::string_view()}) {
    put_number(head, part.size());
    head += part;
  }
  return head;
}

std::optional<Envelope> envelope_of(std::string_view head) {
  Parts parts(head);
  auto text = [&] { return parts.bytes(parts.number()); };
  Envelope envelope;
  envelope.kind = text();
  envelope.sandbox = text();
  envelope.principal = text();
  base::Result<core::Trust> trust = core::parse_trust(text());
  base::Result<core::Risk> risk = core::parse_risk(text());
  std::string_view spool = text();
  if (!parts.at_end() || !trust || !risk) return std::nullopt;
  envelope.trust = *trust;
  envelope.risk = *risk;
  if (!spool.empty()) envelope.origin = core::Origin{std::string(spool), 0};
  return envelope;
}

// What the next record is told apart from.
struct Before {
  uint64_t wall = 0;
  uint64_t ahead = 0;  // of the monotonic clock
  std::map<std::string, uint64_t, std::less<>> sequences;
};

Form form_of(const FrameResult& result, std::string_view bytes, const base::Result<Envelope>& envelope,
             uint64_t index) {
  const Frame& frame = result.frame;
  if (result.fault != FrameFault::none || frame.size() != bytes.size() || !envelope || envelope->index != index ||
      envelope->payload_size != frame.payload.size())
    return kAsItIs;
  if (frame.payload_intact && envelope->payload_hash == base::sha256({frame.salt, frame.payload})) return kPresent;
  auto erased = [](std::string_view text) { return text.find_first_not_of('\0') == std::string_view::npos; };
  return frame.payload_deleted && erased(frame.salt) && erased(frame.payload) ? kDeleted : kAsItIs;
}

}  // namespace

ArchiveBlock take_apart(std::span<const std::string_view> frames, uint64_t first) {
  std::array<std::string, kColumns> columns;
  auto& [forms, heads, numbers, sizes, texts, unusual] = columns;
  ArchiveBlock block;
  Before before;
  std::map<std::string, uint64_t> known;
  for (std::string_view bytes : frames) {
    uint64_t index = first++;
    FrameResult result = decode_frame(bytes);
    const Frame& frame = result.frame;
    base::Result<Envelope> envelope = decode_envelope(frame.envelope);
    Form form = form_of(result, bytes, envelope, index);
    forms.push_back(form);
    if (form == kAsItIs) {
      put_number(unusual, bytes.size());
      unusual += bytes;
      continue;
    }
    auto [head, fresh] = known.try_emplace(head_of(*envelope), known.size());
    if (fresh) {
      put_number(heads, head->first.size());
      heads += head->first;
    }
    put_number(numbers, head->second);
    auto wall = static_cast<uint64_t>(envelope->time.time_since_epoch().count());
    uint64_t ahead = static_cast<uint64_t>(envelope->monotonic.count()) - wall;
    put_difference(numbers, wall, before.wall);
    put_difference(numbers, ahead, before.ahead);
    before.wall = wall;
    before.ahead = ahead;
    if (envelope->origin) {
      uint64_t& sequence = before.sequences[envelope->origin->spool];
      put_difference(numbers, envelope->origin->sequence, sequence + 1);
      sequence = envelope->origin->sequence;
    }
    put_number(sizes, frame.payload.size());
    if (form == kPresent) {
      texts += frame.payload;
      block.dense += frame.salt;
    } else {
      block.dense += base::as_view(envelope->payload_hash);
      block.dense += bytes.substr(kChecksumOffset, kChecksum);
    }
  }
  for (const std::string& column : columns) put_number(block.plain, column.size());
  for (const std::string& column : columns) block.plain += column;
  return block;
}

base::Result<std::string> put_together(std::string_view plain, std::string_view dense, uint64_t first, uint64_t count,
                                       uint64_t size) {
  auto bad = [] { return base::Failure(base::io_error("these are not the parts of its records")); };
  Parts all(plain);
  std::array<uint64_t, kColumns> lengths{};
  for (uint64_t& length : lengths) length = all.number();
  std::string_view forms = all.bytes(lengths[0]);
  Parts heads(all.bytes(lengths[1]));
  Parts numbers(all.bytes(lengths[2]));
  Parts sizes(all.bytes(lengths[3]));
  Parts texts(all.bytes(lengths[4]));
  Parts unusual(all.bytes(lengths[5]));
  Parts apart(dense);
  if (!all.at_end() || forms.size() != count) return bad();
  std::vector<Envelope> known;
  Before before;
  std::string out;
  // Believed for memory only as far as a block's records can reach.
  out.reserve(std::min<uint64_t>(size, uint64_t{4} << 20));
  std::string text;
  for (char form : forms) {
    uint64_t index = first++;
    if (form == kAsItIs) {
      out += unusual.bytes(unusual.number());
      continue;
    }
    if (form != kPresent && form != kDeleted) return bad();
    uint64_t head = numbers.number();
    if (head == known.size()) {
      std::optional<Envelope> fresh = envelope_of(heads.bytes(heads.number()));
      if (!fresh) return bad();
      known.push_back(*std::move(fresh));
    }
    if (head >= known.size()) return bad();
    Envelope& envelope = known[head];
    envelope.index = index;
    before.wall = numbers.after(before.wall);
    before.ahead = numbers.after(before.ahead);
    envelope.time = base::WallTime(std::chrono::nanoseconds(static_cast<int64_t>(before.wall)));
    envelope.monotonic = base::MonotonicTime(static_cast<int64_t>(before.ahead + before.wall));
    if (envelope.origin) {
      uint64_t& sequence = before.sequences[envelope.origin->spool];
      sequence = envelope.origin->sequence = numbers.after(sequence + 1);
    }
    uint64_t payload_size = sizes.number();
    if (payload_size > kMaxFramedPayload || out.size() + payload_size > size) return bad();
    envelope.payload_size = static_cast<uint32_t>(payload_size);
    std::string_view payload;
    std::string_view salt;
    std::string_view checksum;
    if (form == kPresent) {
      payload = texts.bytes(payload_size);
      salt = apart.bytes(kSaltSize);
      envelope.payload_hash = base::sha256({salt, payload});
    } else {
      std::string_view hash = apart.bytes(envelope.payload_hash.size());
      checksum = apart.bytes(kChecksum);
      std::ranges::copy(hash, envelope.payload_hash.begin());
    }
    if (!numbers.ok() || !sizes.ok() || !texts.ok() || !apart.ok()) return bad();
    text.clear();
    append_envelope(text, envelope);
    if (text.size() > kMaxEnvelopeSize) return bad();
    if (form == kPresent) {
      append_frame(out, text, salt, payload);
    } else {
      append_deleted_frame(out, text, checksum, payload_size);
    }
  }
  if (!heads.at_end() || !numbers.at_end() || !sizes.at_end() || !texts.at_end() || !unusual.at_end() ||
      !apart.at_end() || out.size() != size)
    return bad();
  return out;
}

}  // namespace hv::audit
