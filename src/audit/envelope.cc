#include "audit/envelope.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/check.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::audit {

namespace {

constexpr size_t kMaxName = 128;
constexpr size_t kMaxPrincipal = 512;

// Printable ASCII that JSON writes as it is.
bool is_plain(std::string_view text, size_t limit) {
  // Without a way out in the middle, so that many characters are looked at together.
  bool plain = true;
  for (char c : text) plain &= (c >= 0x20) & (c < 0x7f) & (c != '"') & (c != '\\');
  return plain && text.size() <= limit;
}

bool is_kind(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  });
}

// Reads the fixed form from left to right; one failed step fails all later ones.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

  void literal(std::string_view expected) {
    ok_ = ok_ && rest_.starts_with(expected);
    if (ok_) rest_.remove_prefix(expected.size());
  }
  bool next_is(std::string_view expected) const { return ok_ && rest_.starts_with(expected); }
  template <typename Integer>
  void number(Integer& value) {
    if (!ok_) return;
    auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    auto used = static_cast<size_t>(end - rest_.data());
    bool negative = used > 0 && rest_[0] == '-';
    bool leading_zero = used > 1 && rest_[0] == '0';
    ok_ = code == std::errc{} && !leading_zero && !(negative && rest_[1] == '0');
    if (ok_) rest_.remove_prefix(used);
  }
  std::string_view text(size_t limit) {
    if (!ok_) return {};
    size_t end = rest_.find('"');
    ok_ = end != std::string_view::npos && is_plain(rest_.substr(0, end), limit);
    if (!ok_) return {};
    std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }
  void fail_unless(bool condition) { ok_ = ok_ && condition; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

bool digits(std::string_view text, int64_t& value) {
  value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return true;
}

// Only the form that base::to_rfc3339() writes: 2026-11-23T18:14:07.000000000Z.
bool decode_time(std::string_view text, base::WallTime& time) {
  if (text.size() != 30 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != '.' || text[29] != 'Z')
    return false;
  int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, nanosecond = 0;
  if (!digits(text.substr(0, 4), year) || !digits(text.substr(5, 2), month) || !digits(text.substr(8, 2), day) ||
      !digits(text.substr(11, 2), hour) || !digits(text.substr(14, 2), minute) || !digits(text.substr(17, 2), second) ||
      !digits(text.substr(20, 9), nanosecond))
    return false;
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  // Nanoseconds in 64 bits reach from 1677 to 2262.
  if (year < 1678 || year > 2261 || !date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  time = base::WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::nanoseconds(nanosecond);
  return true;
}

// 0 to 15, or 0xff for what is no digit in lower case.
constexpr std::array<uint8_t, 256> kNibbles = [] {
  std::array<uint8_t, 256> table{};
  table.fill(0xff);
  for (uint8_t i = 0; i < 10; ++i) table[static_cast<size_t>('0' + i)] = i;
  for (uint8_t i = 0; i < 6; ++i) table[static_cast<size_t>('a' + i)] = static_cast<uint8_t>(10 + i);
  return table;
}();

bool decode_digest(std::string_view text, base::Digest& digest) {
  if (text.size() != digest.size() * 2) return false;
  uint8_t wrong = 0;
  for (size_t i = 0; i < digest.size(); ++i) {
    uint8_t high = kNibbles[static_cast<uint8_t>(text[2 * i])];
    uint8_t low = kNibbles[static_cast<uint8_t>(text[2 * i + 1])];
    wrong |= high | low;
    digest[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return wrong < 16;
}

}  // namespace

base::Status check_event_fields(const core::Event& event) {
  auto fail = [&](std::string_view field, std::string_view value, std::string_view rule) {
    return base::Failure(base::invalid_argument(base::format("record event '{}': its {} '{}' {}",
                                                             base::printable(event.kind.substr(0, 80)), field,
                                                             base::printable(value.substr(0, 80)), rule)));
  };
  if (!is_kind(event.kind)) return fail("kind", event.kind, "must be 1 to 64 of a-z, 0-9, '.' and '_'");
  if (!is_plain(event.sandbox, kMaxName))
    return fail("sandbox", event.sandbox, "must be plain ASCII, at most 128 bytes");
  if (!is_plain(event.principal, kMaxPrincipal))
    return fail("principal", event.principal, "must be plain ASCII, at most 512 bytes");
  if (event.origin && (event.origin->spool.empty() || !is_plain(event.origin->spool, kMaxName)))
    return fail("origin", event.origin->spool, "must be plain ASCII, 1 to 128 bytes");
  return {};
}

void append_envelope(std::string& out, const Envelope& envelope) {
  HV_CHECK(envelope.version == kEnvelopeVersion);
  auto number = [&](auto value) {
    std::array<char, 24> digits{};
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  };
  out += R"({"v":1,"index":)";
  number(envelope.index);
  out.append(R"(,"time":")").append(base::to_rfc3339(envelope.time)).append(R"(","monotonic":)");
  number(envelope.monotonic.count());
  out.append(R"(,"kind":")").append(envelope.kind);
  out.append(R"(","sandbox":")").append(envelope.sandbox);
  out.append(R"(","principal":")").append(envelope.principal);
  out.append(R"(","trust":")").append(core::trust_name(envelope.trust));
  out.append(R"(","risk":")").append(core::risk_name(envelope.risk)).append(R"(","origin":)");
  if (envelope.origin) {
    out.append(R"({"spool":")").append(envelope.origin->spool).append(R"(","sequence":)");
    number(envelope.origin->sequence);
    out += '}';
  } else {
    out += "null";
  }
  out.append(R"(,"payload_sha256":")").append(base::to_hex(base::as_view(envelope.payload_hash)));
  out += R"(","payload_size":)";
  number(envelope.payload_size);
  out += '}';
}

std::string encode_envelope(const Envelope& envelope) {
  std::string text;
  append_envelope(text, envelope);
  return text;
}

base::Result<Envelope> decode_envelope(std::string_view text) {
  Envelope envelope;
  Cursor cursor(text.size() <= kMaxEnvelopeSize ? text : std::string_view{});
  cursor.literal(R"({"v":1,"index":)");
  cursor.number(envelope.index);
  cursor.literal(R"(,"time":")");
  cursor.fail_unless(decode_time(cursor.text(30), envelope.time));
  cursor.literal(R"(","monotonic":)");
  int64_t monotonic = 0;
  cursor.number(monotonic);
  envelope.monotonic = base::MonotonicTime(monotonic);
  cursor.literal(R"(,"kind":")");
  envelope.kind = cursor.text(64);
  cursor.fail_unless(is_kind(envelope.kind));
  cursor.literal(R"(","sandbox":")");
  envelope.sandbox = cursor.text(kMaxName);
  cursor.literal(R"(","principal":")");
  envelope.principal = cursor.text(kMaxPrincipal);
  cursor.literal(R"(","trust":")");
  base::Result<core::Trust> trust = core::parse_trust(cursor.text(16));
  cursor.literal(R"(","risk":")");
  base::Result<core::Risk> risk = core::parse_risk(cursor.text(16));
  cursor.literal(R"(","origin":)");
  cursor.fail_unless(trust && risk);
  if (cursor.next_is("null")) {
    cursor.literal("null");
  } else {
    core::Origin origin;
    cursor.literal(R"({"spool":")");
    origin.spool = cursor.text(kMaxName);
    cursor.fail_unless(!origin.spool.empty());
    cursor.literal(R"(","sequence":)");
    cursor.number(origin.sequence);
    cursor.literal("}");
    envelope.origin = std::move(origin);
  }
  cursor.literal(R"(,"payload_sha256":")");
  cursor.fail_unless(decode_digest(cursor.text(64), envelope.payload_hash));
  cursor.literal(R"(","payload_size":)");
  cursor.number(envelope.payload_size);
  cursor.literal("}");
  if (!cursor.at_end()) return base::Failure(base::invalid_argument("not a ledger envelope of version 1"));
  envelope.trust = *trust;
  envelope.risk = *risk;
  return envelope;
}

}  // namespace hv::audit
