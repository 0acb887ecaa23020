#include "network/dns_message.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "network/ascii.h"
#include "network/big_endian.h"

namespace hv::network {

namespace {

constexpr size_t kHeaderSize = 12;
constexpr size_t kOptSize = 11;
constexpr size_t kSmallestPayload = 512;
// Larger answers may be fragmented on their way, and fragments get lost or forged.
constexpr size_t kLargestPayload = 1232;
constexpr size_t kLargestMessage = 65535;

constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kOpcodeMask = 0x7800;
constexpr uint16_t kTruncated = 0x0200;
constexpr uint16_t kRecursionDesired = 0x0100;
constexpr uint16_t kRecursionAvailable = 0x0080;
constexpr uint16_t kCheckingDisabled = 0x0010;
constexpr uint32_t kDnssecOk = 0x8000;

void put_header(std::string& out, uint16_t id, uint16_t flags, size_t questions, size_t answers, size_t authorities,
                size_t additional) {
  for (size_t value : {size_t{id}, size_t{flags}, questions, answers, authorities, additional}) put16(out, value);
}

void put_opt(std::string& out, DnsCode code, bool dnssec_ok) {
  out.push_back('\0');
  put16(out, static_cast<uint16_t>(DnsType::opt));
  put16(out, kLargestPayload);
  // The upper bits of the code, the version and the flags lie where other records have their time to live.
  put32(out, (static_cast<uint32_t>(code) >> 4) << 24 | (dnssec_ok ? kDnssecOk : 0));
  put16(out, 0);
}

uint16_t answer_flags(uint16_t asked, DnsCode code) {
  return static_cast<uint16_t>(kResponse | (asked & (kOpcodeMask | kRecursionDesired | kCheckingDisabled)) |
                               (static_cast<uint16_t>(code) & 0xf));
}

// An answer to what could not be read: the header alone, because the question is what may be wrong.
std::unexpected<DnsFault> fault(std::string_view message, DnsCode code, std::string_view reason) {
  DnsFault fault{"DNS query: " + std::string(reason), {}};
  bool with_opt = static_cast<uint16_t>(code) > 0xf;
  put_header(fault.answer, read16(message, 0), answer_flags(read16(message, 2), code), 0, 0, 0, with_opt ? 1 : 0);
  if (with_opt) put_opt(fault.answer, code, false);
  return std::unexpected(std::move(fault));
}

struct Opt {
  uint16_t payload_size;
  uint8_t version;
  bool dnssec_ok;
};

// The one additional record a query may have. Options themselves are not used, but must be whole.
base::Result<Opt> read_opt(std::string_view message, size_t& at) {
  auto bad = [](std::string_view what) { return base::Failure(base::invalid_argument(std::string(what))); };
  if (message.size() - at < kOptSize) return bad("an additional record that is cut off");
  if (message[at] != '\0' || read16(message, at + 1) != static_cast<uint16_t>(DnsType::opt))
    return bad("an additional record other than OPT");
  Opt opt{read16(message, at + 3), static_cast<uint8_t>(message[at + 6]), (read16(message, at + 7) & kDnssecOk) != 0};
  size_t end = at + kOptSize + read16(message, at + 9);
  at += kOptSize;
  if (end > message.size()) return bad("options that are cut off");
  while (at < end) {
    if (end - at < 4 || end - at - 4 < read16(message, at + 2)) return bad("an option that is cut off");
    at += size_t{4} + read16(message, at + 2);
  }
  return opt;
}

void put_record(std::string& out, const DnsData& data, uint32_t ttl) {
  constexpr size_t kQuestionName = 0xc000 | kHeaderSize;
  auto head = [&](DnsType type, size_t size) {
    put16(out, kQuestionName);
    put16(out, static_cast<uint16_t>(type));
    put16(out, kDnsInternet);
    put32(out, ttl);
    put16(out, size);
  };
  if (const auto* v4 = std::get_if<Ipv4Bytes>(&data)) {
    head(DnsType::a, v4->size());
    out.append(v4->begin(), v4->end());
  } else if (const auto* v6 = std::get_if<Ipv6Bytes>(&data)) {
    head(DnsType::aaaa, v6->size());
    out.append(v6->begin(), v6->end());
  } else {
    const std::string& name = std::get<DnsName>(data).wire();
    head(DnsType::ptr, name.size());
    out.append(name);
  }
}

// The zone that answers is the one above the name asked for. Its last number is what resolvers take for the time they
// may remember that there is nothing.
void put_soa(std::string& out, const DnsName& name, uint32_t ttl) {
  using namespace std::string_view_literals;
  constexpr std::string_view kServer = "\7gateway\12hydravisor\0"sv;
  constexpr std::string_view kMailbox = "\12hostmaster\12hydravisor\0"sv;
  size_t parent = name.is_root() ? 0 : size_t{1} + static_cast<uint8_t>(name.wire()[0]);
  put16(out, 0xc000 | (kHeaderSize + parent));
  put16(out, static_cast<uint16_t>(DnsType::soa));
  put16(out, kDnsInternet);
  put32(out, ttl);
  put16(out, kServer.size() + kMailbox.size() + 5 * sizeof(uint32_t));
  out.append(kServer).append(kMailbox);
  for (uint32_t value : {1u, 3600u, 600u, 86400u, ttl}) put32(out, value);
}

std::optional<uint8_t> decimal_byte(std::string_view label) {
  uint8_t value = 0;
  if (label.empty() || label.size() > 3 || (label.size() > 1 && label[0] == '0')) return std::nullopt;
  auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
  if (error != std::errc{} || end != label.data() + label.size()) return std::nullopt;
  return value;
}

}  // namespace

std::expected<DnsQuery, DnsFault> parse_query(std::string_view message) {
  if (message.size() < kHeaderSize) return std::unexpected(DnsFault{"DNS query: shorter than a header", {}});
  uint16_t flags = read16(message, 2);
  if (flags & kResponse) return std::unexpected(DnsFault{"DNS query: a response", {}});
  if (flags & kOpcodeMask) return fault(message, DnsCode::not_implemented, "not a standard query");
  if (flags & kTruncated) return fault(message, DnsCode::format_error, "truncated");
  if (read16(message, 4) != 1) return fault(message, DnsCode::format_error, "not exactly one question");
  if (read16(message, 6) != 0 || read16(message, 8) != 0)
    return fault(message, DnsCode::format_error, "records in the answer or authority section");
  if (read16(message, 10) > 1) return fault(message, DnsCode::format_error, "more than one additional record");

  DnsQuery query;
  query.id = read16(message, 0);
  query.recursion_desired = flags & kRecursionDesired;
  query.checking_disabled = flags & kCheckingDisabled;
  size_t at = kHeaderSize;
  auto name = DnsName::from_wire(message, at, DnsName::Pointers::refused);
  if (!name) return fault(message, DnsCode::format_error, name.error().message());
  query.name = *std::move(name);
  if (message.size() - at < 4) return fault(message, DnsCode::format_error, "a question that is cut off");
  query.type = static_cast<DnsType>(read16(message, at));
  query.dns_class = read16(message, at + 2);
  at += 4;
  if (read16(message, 10) == 1) {
    auto opt = read_opt(message, at);
    if (!opt) return fault(message, DnsCode::format_error, opt.error().message());
    if (opt->version != 0) return fault(message, DnsCode::bad_version, "an unknown version of EDNS");
    query.edns = true;
    query.payload_size = std::max<uint16_t>(opt->payload_size, kSmallestPayload);
    query.dnssec_ok = opt->dnssec_ok;
  }
  if (at != message.size()) return fault(message, DnsCode::format_error, "bytes behind its end");
  return query;
}

std::string write_answer(const DnsQuery& query, const DnsAnswer& answer, DnsTransport transport) {
  size_t limit = kLargestMessage;
  if (transport == DnsTransport::udp)
    limit = query.edns ? std::clamp<size_t>(query.payload_size, kSmallestPayload, kLargestPayload) : kSmallestPayload;
  size_t opt_size = query.edns ? kOptSize : 0;
  bool negative = answer.records.empty() && (answer.code == DnsCode::no_error || answer.code == DnsCode::name_error);

  std::string out;
  out.reserve(kSmallestPayload);
  put_header(out, query.id, 0, 1, 0, negative ? 1 : 0, query.edns ? 1 : 0);
  out.append(query.name.wire());
  put16(out, static_cast<uint16_t>(query.type));
  put16(out, query.dns_class);

  size_t question_end = out.size();
  size_t count = 0;
  bool truncated = false;
  for (const DnsData& data : answer.records) {
    size_t before = out.size();
    put_record(out, data, answer.ttl);
    truncated = out.size() + opt_size > limit;
    if (truncated) {
      out.resize(transport == DnsTransport::udp ? question_end : before);
      if (transport == DnsTransport::udp) count = 0;
      break;
    }
    ++count;
  }
  if (negative) put_soa(out, query.name, answer.ttl);
  if (query.edns) put_opt(out, answer.code, query.dnssec_ok);
  HV_CHECK(out.size() <= limit);

  std::string head;
  uint16_t asked = static_cast<uint16_t>((query.recursion_desired ? kRecursionDesired : 0) |
                                         (query.checking_disabled ? kCheckingDisabled : 0));
  uint16_t flags =
      static_cast<uint16_t>(answer_flags(asked, answer.code) | kRecursionAvailable | (truncated ? kTruncated : 0));
  put_header(head, query.id, flags, 1, count, negative ? 1 : 0, query.edns ? 1 : 0);
  out.replace(0, kHeaderSize, head);
  return out;
}

std::optional<DnsAddress> reverse_address(const DnsName& name) {
  std::vector<std::string_view> labels = name.labels();
  auto below = [&](std::string_view zone, size_t count) {
    return labels.size() == count + 2 && equal_ignoring_case(labels[count], zone) &&
           equal_ignoring_case(labels[count + 1], "arpa");
  };
  if (below("in-addr", 4)) {
    Ipv4Bytes bytes{};
    for (size_t i = 0; i < 4; ++i) {
      auto value = decimal_byte(labels[3 - i]);
      if (!value) return std::nullopt;
      bytes[i] = *value;
    }
    return bytes;
  }
  if (below("ip6", 32)) {
    Ipv6Bytes bytes{};
    for (size_t i = 0; i < 32; ++i) {
      std::string_view label = labels[31 - i];
      uint8_t nibble = 0;
      auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), nibble, 16);
      if (label.size() != 1 || error != std::errc{} || end != label.data() + 1) return std::nullopt;
      bytes[i / 2] = static_cast<uint8_t>(bytes[i / 2] << 4 | nibble);
    }
    return bytes;
  }
  return std::nullopt;
}

}  // namespace hv::network
