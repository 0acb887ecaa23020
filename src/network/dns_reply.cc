#include "network/dns_reply.h"

#include <algorithm>
#include <optional>

#include "network/big_endian.h"

namespace hv::network {

namespace {

constexpr size_t kHeaderSize = 12;
constexpr size_t kRecordLimit = 512;
constexpr size_t kAliasLimit = 16;
constexpr size_t kPayloadSize = 1232;
// RFC 2181, 8: times with the top bit set count as zero. Longer than a day nothing is remembered.
constexpr uint32_t kLongestTtl = 86400;

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument("DNS reply: " + std::string(what)));
}

base::Failure other(std::string_view what) {
  return base::Failure(base::conflict("DNS reply: " + std::string(what)));
}

uint32_t bounded_ttl(uint32_t ttl) {
  return ttl & 0x80000000u ? 0 : std::min(ttl, kLongestTtl);
}

struct Record {
  DnsName owner;
  DnsType type;
  uint16_t dns_class;
  uint32_t ttl;
  size_t data;  // where it begins
  size_t size;
};

base::Result<Record> read_record(std::string_view message, size_t& at) {
  Record record;
  record.owner = HV_TRY(DnsName::from_wire(message, at, DnsName::Pointers::followed));
  if (message.size() - at < 10) return bad("a record that is cut off");
  record.type = static_cast<DnsType>(read16(message, at));
  record.dns_class = read16(message, at + 2);
  record.ttl = read32(message, at + 4);
  record.size = read16(message, at + 8);
  record.data = at + 10;
  at = record.data + record.size;
  if (at > message.size()) return bad("a record that is cut off");
  return record;
}

// A name that fills its record.
base::Result<DnsName> read_name(std::string_view message, const Record& record) {
  size_t at = record.data;
  DnsName name = HV_TRY(DnsName::from_wire(message, at, DnsName::Pointers::followed));
  if (at != record.data + record.size) return bad("an alias that does not fill its record");
  return name;
}

base::Result<uint32_t> read_soa_minimum(std::string_view message, const Record& record) {
  size_t at = record.data;
  HV_TRY(DnsName::from_wire(message, at, DnsName::Pointers::followed));
  HV_TRY(DnsName::from_wire(message, at, DnsName::Pointers::followed));
  if (at + 20 != record.data + record.size) return bad("a SOA record of the wrong size");
  return bounded_ttl(read32(message, at + 16));
}

// One alias after the other from the name that was asked for; records may come in any order.
base::Status follow_aliases(std::string_view message, const std::vector<Record>& records, DnsReply& reply) {
  size_t steps = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (const Record& record : records) {
      if (record.type != DnsType::cname || !(record.owner == reply.canonical)) continue;
      if (++steps > kAliasLimit) return bad("a chain of more than 16 aliases");
      reply.ttl = std::min(reply.ttl, bounded_ttl(record.ttl));
      reply.canonical = HV_TRY(read_name(message, record));
      moved = true;
      break;
    }
  }
  return {};
}

base::Status collect_addresses(std::string_view message, const std::vector<Record>& records, DnsType type,
                               DnsReply& reply) {
  for (const Record& record : records) {
    if (record.type != type || !(record.owner == reply.canonical)) continue;
    auto data = message.substr(record.data, record.size);
    if (type == DnsType::a) {
      Ipv4Bytes bytes{};
      if (data.size() != bytes.size()) return bad("an A record of the wrong size");
      std::ranges::copy(data, bytes.begin());
      reply.addresses.emplace_back(bytes);
    } else if (type == DnsType::aaaa) {
      Ipv6Bytes bytes{};
      if (data.size() != bytes.size()) return bad("an AAAA record of the wrong size");
      std::ranges::copy(data, bytes.begin());
      reply.addresses.emplace_back(bytes);
    }
    reply.ttl = std::min(reply.ttl, bounded_ttl(record.ttl));
  }
  return {};
}

}  // namespace

std::string write_query(const DnsQuestion& question) {
  std::string out;
  constexpr size_t kRecursionDesired = 0x0100;
  for (size_t value : {size_t{question.id}, kRecursionDesired, size_t{1}, size_t{0}, size_t{0}, size_t{1}})
    put16(out, value);
  out.append(question.name.wire());
  put16(out, static_cast<size_t>(question.type));
  put16(out, kDnsInternet);
  out.push_back('\0');
  for (size_t value : {static_cast<size_t>(DnsType::opt), kPayloadSize, size_t{0}, size_t{0}, size_t{0}})
    put16(out, value);
  return out;
}

base::Result<DnsReply> parse_reply(std::string_view message, const DnsQuestion& question) {
  if (message.size() < kHeaderSize) return other("shorter than a header");
  uint16_t flags = read16(message, 2);
  if (read16(message, 0) != question.id || (flags & 0x8000) == 0) return other("not to this question");
  if (flags & 0x7800) return bad("not a standard query's");
  DnsReply reply;
  reply.code = static_cast<DnsCode>(flags & 0xf);
  reply.truncated = flags & 0x0200;
  reply.canonical = question.name;
  size_t at = kHeaderSize;
  // Servers that cannot read a question, or EDNS, may leave it out of their refusal.
  if (read16(message, 4) == 0 && reply.code != DnsCode::no_error) return reply;
  if (read16(message, 4) != 1) return bad("not exactly one question");
  auto name = DnsName::from_wire(message, at, DnsName::Pointers::refused);
  if (!name || message.size() - at < 4) return bad("a question that is cut off");
  if (!(*name == question.name) || static_cast<DnsType>(read16(message, at)) != question.type ||
      read16(message, at + 2) != kDnsInternet)
    return other("to another question");
  at += 4;
  if (reply.truncated) return reply;

  size_t answers = read16(message, 6);
  size_t authorities = read16(message, 8);
  size_t additional = read16(message, 10);
  if (answers + authorities + additional > kRecordLimit) return bad("more than 512 records");
  std::vector<Record> records;
  std::optional<uint32_t> negative_ttl;
  for (size_t i = 0; i < answers + authorities + additional; ++i) {
    Record record = HV_TRY(read_record(message, at));
    if (i >= answers + authorities) {
      // The upper bits of the code are in the OPT record.
      if (record.type == DnsType::opt)
        reply.code = static_cast<DnsCode>((record.ttl >> 24) << 4 | (static_cast<uint16_t>(reply.code) & 0xf));
    } else if (record.dns_class == kDnsInternet && i < answers) {
      records.push_back(std::move(record));
    } else if (record.dns_class == kDnsInternet && record.type == DnsType::soa && !negative_ttl) {
      negative_ttl = std::min(bounded_ttl(record.ttl), HV_TRY(read_soa_minimum(message, record)));
    }
  }
  reply.ttl = kLongestTtl;
  HV_TRY(follow_aliases(message, records, reply));
  HV_TRY(collect_addresses(message, records, question.type, reply));
  if (reply.addresses.empty()) reply.ttl = std::min(reply.ttl, negative_ttl.value_or(0));
  return reply;
}

}  // namespace hv::network
