// DNS in all directions with any bytes: what is accepted as a query can be answered, and the answer read again; what
// is refused is answered with something that no server would answer in its turn; names come back from their text.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "network/big_endian.h"
#include "network/dns_message.h"
#include "network/dns_reply.h"

namespace {

using namespace hv::network;

void require(bool claim) {
  if (!claim) std::abort();
}

void check_name(const DnsName& name) {
  require(name.wire().size() <= 255);
  auto again = DnsName::from_text(name.text());
  require(again && *again == name && again->text() == name.text());
  (void)reverse_address(name);
}

void check_answers(const DnsQuery& query, uint8_t choice) {
  check_name(query.name);
  DnsAnswer answer{DnsCode::no_error, {}, choice};
  if (query.type == DnsType::a) answer.records.assign(choice, Ipv4Bytes{198, 18, 0, choice});
  if (query.type == DnsType::aaaa) answer.records.assign(choice, Ipv6Bytes{0xfd, choice});
  if (query.type == DnsType::ptr) answer.records.assign(choice % 4, query.name);
  if (choice % 8 == 7) answer = DnsAnswer::no_such_name(choice);
  if (choice % 8 == 6) answer = DnsAnswer::failure(DnsCode::refused);
  for (DnsTransport transport : {DnsTransport::udp, DnsTransport::tcp}) {
    std::string message = write_answer(query, answer, transport);
    size_t limit = transport == DnsTransport::tcp ? 65535 : query.edns ? 1232 : 512;
    require(message.size() <= limit && message.size() <= (transport == DnsTransport::tcp ? 65535 : query.payload_size));
    require(message.substr(12, query.name.wire().size()) == query.name.wire());
    if (query.dns_class != kDnsInternet) continue;
    auto reply = parse_reply(message, {query.id, query.name, query.type});
    require(reply && reply->code == answer.code && reply->ttl <= 86400);
    bool addresses = query.type == DnsType::a || query.type == DnsType::aaaa;
    if (!reply->truncated && addresses) require(reply->addresses.size() == answer.records.size());
  }
  auto asked = parse_query(write_query({query.id, query.name, query.type}));
  require(asked && asked->name.wire() == query.name.wire() && asked->type == query.type && asked->id == query.id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto query = parse_query(text);
  if (query) {
    check_answers(*query, data[0]);
  } else if (!query.error().answer.empty()) {
    require(query.error().answer.substr(0, 2) == text.substr(0, 2));
    auto again = parse_query(query.error().answer);
    require(!again && again.error().answer.empty());
  }
  if (auto name = DnsName::from_text(text)) check_name(*name);

  // As if it were the reply to the question it holds.
  if (text.size() < 12) return 0;
  size_t at = 12;
  auto name = DnsName::from_wire(text, at, DnsName::Pointers::followed);
  if (!name || text.size() - at < 4) return 0;
  check_name(*name);
  auto reply = parse_reply(text, {read16(text, 0), *name, static_cast<DnsType>(read16(text, at))});
  if (!reply) return 0;
  check_name(reply->canonical);
  require(reply->ttl <= 86400 && reply->addresses.size() <= 512);
  return 0;
}
