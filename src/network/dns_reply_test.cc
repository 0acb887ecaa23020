#include "network/dns_reply.h"

#include <gtest/gtest.h>

#include "network/big_endian.h"

namespace hv::network {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kAsked = "\xc0\x0c"sv;

DnsQuestion question(DnsType type = DnsType::a) {
  return {0x1234, *DnsName::from_text("www.example"), type};
}

std::string record(std::string_view owner, DnsType type, uint32_t ttl, std::string_view data) {
  std::string out(owner);
  put16(out, static_cast<size_t>(type));
  put16(out, kDnsInternet);
  put32(out, ttl);
  put16(out, data.size());
  return out.append(data);
}

std::string wire(std::string_view name) {
  return DnsName::from_text(name)->wire();
}

// A reply to question(type).
std::string reply(const std::vector<std::string>& answers, const std::vector<std::string>& authorities = {},
                  uint16_t flags = 0x8180, DnsType type = DnsType::a) {
  std::string out;
  for (size_t value : {size_t{0x1234}, size_t{flags}, size_t{1}, answers.size(), authorities.size(), size_t{0}})
    put16(out, value);
  out.append(wire("www.example"));
  put16(out, static_cast<size_t>(type));
  put16(out, kDnsInternet);
  for (const std::string& text : answers) out.append(text);
  for (const std::string& text : authorities) out.append(text);
  return out;
}

std::string soa(uint32_t ttl, uint32_t minimum) {
  std::string data = wire("ns.example") + wire("root.example");
  for (uint32_t value : {1u, 2u, 3u, 4u, minimum}) put32(data, value);
  return record(wire("example"), DnsType::soa, ttl, data);
}

TEST(DnsReply, AsksWhatItsOwnReaderReads) {
  auto query = parse_query(write_query(question()));
  ASSERT_TRUE(query) << query.error().reason;
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->name, question().name);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_EQ(query->payload_size, 1232);

  auto answer =
      parse_reply(write_answer(*query, {DnsCode::no_error, {Ipv4Bytes{1, 2, 3, 4}}, 7}, DnsTransport::udp), question());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->addresses, std::vector<DnsAddress>{Ipv4Bytes({1, 2, 3, 4})});
  EXPECT_EQ(answer->ttl, 7u);
  EXPECT_EQ(parse_reply(write_answer(*query, DnsAnswer::no_such_name(9), DnsTransport::udp), question())->ttl, 9u);
}

TEST(DnsReply, FollowsAliasesInAnyOrderWithTheSmallestTime) {
  auto parsed = parse_reply(reply({
                                record(wire("edge.example"), DnsType::a, 300, "\1\2\3\4"),
                                record(wire("cdn.example"), DnsType::cname, 20, wire("EDGE.example")),
                                record(wire("other.example"), DnsType::a, 1, "\6\6\6\6"),
                                record(kAsked, DnsType::cname, 60, wire("cdn.example")),
                                record(wire("edge.example"), DnsType::a, 300, "\1\2\3\5"),
                            }),
                            question());
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->addresses, (std::vector<DnsAddress>{Ipv4Bytes{1, 2, 3, 4}, Ipv4Bytes{1, 2, 3, 5}}));
  EXPECT_EQ(parsed->canonical.text(), "edge.example");
  EXPECT_EQ(parsed->ttl, 20u);
}

TEST(DnsReply, EndsALoopOfAliases) {
  auto parsed = parse_reply(reply({
                                record(kAsked, DnsType::cname, 60, wire("b.example")),
                                record(wire("b.example"), DnsType::cname, 60, wire("www.example")),
                            }),
                            question());
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), base::ErrorCode::invalid_argument);
  EXPECT_NE(parsed.error().message().find("16 aliases"), std::string::npos);
}

TEST(DnsReply, FollowsSixteenAliasesAndNoMore) {
  auto chain = [](int aliases) {
    std::vector<std::string> records;
    std::string owner(kAsked);
    for (int i = 0; i < aliases; ++i) {
      std::string next = wire("a" + std::to_string(i) + ".example");
      records.push_back(record(owner, DnsType::cname, 60, next));
      owner = next;
    }
    records.push_back(record(owner, DnsType::a, 60, "\1\2\3\4"));
    return reply(records);
  };
  EXPECT_EQ(parse_reply(chain(16), question())->addresses.size(), 1u);
  EXPECT_FALSE(parse_reply(chain(17), question()));
}

TEST(DnsReply, BelievesOnlyRecordsOfTheNameItAskedFor) {
  auto parsed = parse_reply(reply({record(wire("evil.example"), DnsType::a, 60, "\6\6\6\6"),
                                   record(kAsked, DnsType::aaaa, 60, std::string(16, '\1'))}),
                            question());
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->addresses.empty());
  EXPECT_EQ(parsed->ttl, 0u);
}

TEST(DnsReply, RemembersNothingForAsLongAsTheZoneSays) {
  EXPECT_EQ(parse_reply(reply({}, {soa(600, 30)}), question())->ttl, 30u);
  EXPECT_EQ(parse_reply(reply({}, {soa(20, 30)}), question())->ttl, 20u);
  auto missing = parse_reply(reply({}, {soa(600, 30)}, 0x8183), question());
  EXPECT_EQ(missing->code, DnsCode::name_error);
  EXPECT_EQ(missing->ttl, 30u);
}

TEST(DnsReply, BoundsTheTime) {
  EXPECT_EQ(parse_reply(reply({record(kAsked, DnsType::a, 0xffffffff, "\1\2\3\4")}), question())->ttl, 0u);
  EXPECT_EQ(parse_reply(reply({record(kAsked, DnsType::a, 0x7fffffff, "\1\2\3\4")}), question())->ttl, 86400u);
}

TEST(DnsReply, TellsForeignAnswersFromBrokenOnes) {
  std::string good = reply({record(kAsked, DnsType::a, 60, "\1\2\3\4")});
  auto code = [](std::string_view message, DnsType type = DnsType::a) {
    auto parsed = parse_reply(message, question(type));
    return parsed ? base::ErrorCode::internal : parsed.error().code();
  };
  using base::ErrorCode;
  EXPECT_EQ(code("short"), ErrorCode::conflict);
  EXPECT_EQ(code("\x12\x35" + good.substr(2)), ErrorCode::conflict) << "another id";
  EXPECT_EQ(code(good.substr(0, 2) + "\x01" + good.substr(3)), ErrorCode::conflict) << "a query";
  EXPECT_EQ(code(good, DnsType::aaaa), ErrorCode::conflict) << "another type";
  std::string renamed = good;
  renamed[13] = 'x';
  EXPECT_EQ(code(renamed), ErrorCode::conflict) << "another name";

  EXPECT_EQ(code(reply({record(kAsked, DnsType::a, 60, "\1\2\3")})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(reply({record(kAsked, DnsType::cname, 60, wire("a.example") + "x")})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(reply({}, {record(kAsked, DnsType::soa, 60, "\0\0abc"sv)})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(reply({record("\xc0\xff", DnsType::a, 60, "\1\2\3\4")})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(reply({}, {}, 0x9180)), ErrorCode::invalid_argument) << "another opcode";
  EXPECT_EQ(code(reply(std::vector<std::string>(513, record(kAsked, DnsType::a, 60, "\1\2\3\4")))),
            ErrorCode::invalid_argument)
      << "too many records";
  for (size_t size = 12; size < good.size(); ++size)
    EXPECT_EQ(code(good.substr(0, size)), ErrorCode::invalid_argument) << size;
}

TEST(DnsReply, TakesRefusalsWithoutAQuestionAndTruncationAtItsWord) {
  std::string refusal("\x12\x34\x81\x85\0\0\0\0\0\0\0\0"sv);
  EXPECT_EQ(parse_reply(refusal, question())->code, DnsCode::refused);
  EXPECT_TRUE(parse_reply(reply({}, {}, 0x8380), question())->truncated);
}

TEST(DnsReply, ReadsTheUpperBitsOfTheCode) {
  std::string text = reply({});
  text[11] = 1;
  text.append("\0\0\x29\x04\xd0\1\0\0\0\0\0"sv);
  EXPECT_EQ(parse_reply(text, question())->code, DnsCode::bad_version);
}

}  // namespace
}  // namespace hv::network
