#include "network/dns_message.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

using namespace std::string_view_literals;

constexpr auto kQuestion = "\7ExAmple\3org\0\0\1\0\1"sv;
constexpr auto kOpt = "\0\0\x29\x10\0\0\0\x80\0\0\0"sv;  // 4096 bytes, DO

std::string header(uint16_t flags, int questions = 1, int answers = 0, int authorities = 0, int additional = 0) {
  std::string out;
  for (int value : {0x1234, int{flags}, questions, answers, authorities, additional}) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value & 0xff));
  }
  return out;
}

std::string query_text() {
  return header(0x0100, 1, 0, 0, 1).append(kQuestion).append(kOpt);
}

int code_in(std::string_view message) {
  return message[3] & 0xf;
}

bool is_truncated(std::string_view message) {
  return message[2] & 2;
}

DnsQuery sample(DnsType type = DnsType::a, bool edns = false, uint16_t size = 512) {
  DnsQuery query;
  query.id = 7;
  query.name = *DnsName::from_text("ExAmple.org");
  query.type = type;
  query.recursion_desired = true;
  query.edns = edns;
  query.payload_size = size;
  return query;
}

TEST(DnsQuery, ReadsTheQuestionAndWhatTheClientCanTake) {
  auto query = parse_query(query_text());
  ASSERT_TRUE(query) << query.error().reason;
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->name.wire(), "\7ExAmple\3org\0"sv);
  EXPECT_EQ(query->type, DnsType::a);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_TRUE(query->edns);
  EXPECT_EQ(query->payload_size, 4096);
  EXPECT_TRUE(query->dnssec_ok);

  auto plain = parse_query(header(0).append(kQuestion));
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->edns);
  EXPECT_EQ(plain->payload_size, 512);
}

TEST(DnsQuery, TakesWholeOptionsWithoutHeedingThem) {
  EXPECT_TRUE(parse_query(header(0, 1, 0, 0, 1).append(kQuestion).append("\0\0\x29\x10\0\0\0\0\0\0\6\0\x0a\0\2ab"sv)));
  EXPECT_EQ(parse_query(header(0, 1, 0, 0, 1).append(kQuestion).append("\0\0\x29\0\1\0\0\0\0\0\0"sv))->payload_size,
            512)
      << "nobody takes less than 512 bytes";
}

TEST(DnsQuery, SaysHowToAnswerWhatItRefuses) {
  struct Row {
    std::string message;
    std::string_view reason;
    int code;  // -1: no answer at all
  };
  std::string question(kQuestion);
  const Row rows[] = {
      {"", "shorter than a header", -1},
      {header(0).substr(0, 11), "shorter than a header", -1},
      {header(0x8000) + question, "a response", -1},
      {header(0x1000) + question, "not a standard query", 4},
      {header(0x2800) + question, "not a standard query", 4},
      {header(0x0200) + question, "truncated", 1},
      {header(0, 0), "not exactly one question", 1},
      {header(0, 2) + question + question, "not exactly one question", 1},
      {header(0, 1, 1) + question, "records in the answer", 1},
      {header(0, 1, 0, 1) + question, "records in the answer", 1},
      {header(0, 1, 0, 0, 2) + question, "more than one additional", 1},
      {header(0, 1, 0, 0, 1) + question, "an additional record that is cut off", 1},
      {header(0, 1, 0, 0, 1) + question + std::string("\0\0\1\0\1\0\0\0\0\0\4abcd"sv), "other than OPT", 1},
      {header(0, 1, 0, 0, 1) + question + std::string("\1a\0\0\x29\x10\0\0\0\0\0\0\0"sv), "other than OPT", 1},
      {header(0, 1, 0, 0, 1) + question + std::string("\0\0\x29\x10\0\0\0\0\0\0\5a"sv), "options that are cut off", 1},
      {header(0, 1, 0, 0, 1) + question + std::string("\0\0\x29\x10\0\0\0\0\0\0\4\0\1\0\1"sv),
       "an option that is cut off", 1},
      {header(0, 1, 0, 0, 1) + question + std::string("\0\0\x29\x10\0\0\1\0\0\0\0"sv), "an unknown version", 0},
      {header(0) + question.substr(0, 16), "a question that is cut off", 1},
      {header(0) + question.substr(0, 5), "cut off", 1},
      {header(0) + std::string("\xc0\x0c\0\1\0\1"sv), "a compression pointer in a query", 1},
      {header(0) + question + "x", "bytes behind its end", 1},
  };
  for (const Row& row : rows) {
    auto query = parse_query(row.message);
    ASSERT_FALSE(query) << row.reason;
    EXPECT_NE(query.error().reason.find(row.reason), std::string::npos) << query.error().reason;
    ASSERT_EQ(query.error().answer.empty(), row.code < 0) << row.reason;
    if (row.code < 0) continue;
    EXPECT_EQ(query.error().answer.substr(0, 2), "\x12\x34");
    EXPECT_TRUE(query.error().answer[2] & 0x80);
    EXPECT_EQ(code_in(query.error().answer), row.code) << row.reason;
  }
  auto version = parse_query(header(0, 1, 0, 0, 1).append(kQuestion).append("\0\0\x29\x10\0\0\1\0\0\0\0"sv));
  EXPECT_EQ(version.error().answer.substr(12), "\0\0\x29\x04\xd0\1\0\0\0\0\0"sv) << "BADVERS: 1 in the upper bits";
}

TEST(DnsQuery, RefusesEachOfItsOwnBeginnings) {
  std::string text = query_text();
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(parse_query(text.substr(0, size))) << size;
}

TEST(DnsAnswer, EchoesTheQuestionInItsCase) {
  DnsQuery query = *parse_query(query_text());
  std::string answer = write_answer(query, {DnsCode::no_error, {Ipv4Bytes{198, 18, 0, 1}}, 5}, DnsTransport::udp);
  EXPECT_EQ(answer, std::string("\x12\x34\x81\x80\0\1\0\1\0\0\0\1"sv) + std::string(kQuestion) +
                        std::string("\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xc6\x12\0\1"sv) +
                        std::string("\0\0\x29\x04\xd0\0\0\x80\0\0\0"sv));
}

TEST(DnsAnswer, WritesAddressesOfBothKindsAndNames) {
  Ipv6Bytes v6{0xfd, 0x48};
  std::string answer = write_answer(sample(DnsType::aaaa), {DnsCode::no_error, {v6}, 60}, DnsTransport::udp);
  EXPECT_TRUE(answer.ends_with(std::string("\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10\xfd\x48"sv) + std::string(14, '\0')));
  answer = write_answer(sample(DnsType::ptr), {DnsCode::no_error, {*DnsName::from_text("a.example")}, 60},
                        DnsTransport::udp);
  EXPECT_TRUE(answer.ends_with("\0\x0b\1a\7example\0"sv));
}

TEST(DnsAnswer, TellsHowLongNothingMayBeRemembered) {
  for (const DnsAnswer& nothing : {DnsAnswer::none(9), DnsAnswer::no_such_name(9)}) {
    std::string answer = write_answer(sample(), nothing, DnsTransport::udp);
    EXPECT_EQ(code_in(answer), static_cast<int>(nothing.code));
    EXPECT_EQ(answer.substr(6, 4), "\0\0\0\1"sv) << "one record, in the authority section";
    EXPECT_EQ(answer.substr(12 + 17, 4), "\xc0\x14\0\6"sv) << "the SOA of the name above";
    EXPECT_TRUE(answer.ends_with("\0\0\0\x09"sv));
  }
  DnsQuery root;
  EXPECT_EQ(write_answer(root, DnsAnswer::none(9), DnsTransport::udp).substr(17, 2), "\xc0\x0c"sv);
}

TEST(DnsAnswer, SaysNoWithoutMore) {
  for (DnsCode code : {DnsCode::refused, DnsCode::server_failure, DnsCode::format_error, DnsCode::not_implemented}) {
    std::string answer = write_answer(sample(), DnsAnswer::failure(code), DnsTransport::udp);
    EXPECT_EQ(code_in(answer), static_cast<int>(code));
    EXPECT_EQ(answer.size(), 12 + kQuestion.size());
  }
}

TEST(DnsAnswer, CutsToWhatTheClientTakes) {
  DnsAnswer many{DnsCode::no_error, std::vector<DnsData>(50, Ipv4Bytes{198, 18, 0, 1}), 5};
  std::string answer = write_answer(sample(), many, DnsTransport::udp);
  EXPECT_TRUE(is_truncated(answer)) << "829 bytes into 512";
  EXPECT_EQ(answer.size(), 12 + kQuestion.size());
  EXPECT_EQ(answer.substr(6, 2), "\0\0"sv);

  EXPECT_FALSE(is_truncated(write_answer(sample(DnsType::a, true, 1232), many, DnsTransport::udp)));
  EXPECT_TRUE(is_truncated(write_answer(sample(DnsType::a, true, 600), many, DnsTransport::udp)));
  EXPECT_FALSE(is_truncated(write_answer(sample(), many, DnsTransport::tcp)));

  many.records.resize(100, Ipv4Bytes{198, 18, 0, 1});
  answer = write_answer(sample(DnsType::a, true, 65535), many, DnsTransport::udp);
  EXPECT_TRUE(is_truncated(answer)) << "never more than 1232 bytes over UDP";

  many.records.resize(5000, Ipv4Bytes{198, 18, 0, 1});
  answer = write_answer(sample(DnsType::a, true, 1232), many, DnsTransport::tcp);
  EXPECT_TRUE(is_truncated(answer));
  EXPECT_LE(answer.size(), 65535u);
  EXPECT_GT(answer.size(), 65500u);
}

TEST(DnsAnswer, FillsTheLastByteItMay) {
  // 12 + 17 bytes, then 16 for each record: 30 records make 509 bytes, 31 too many.
  DnsAnswer answer{DnsCode::no_error, std::vector<DnsData>(30, Ipv4Bytes{}), 5};
  EXPECT_EQ(write_answer(sample(), answer, DnsTransport::udp).size(), 509u);
  answer.records.emplace_back(Ipv4Bytes{});
  EXPECT_TRUE(is_truncated(write_answer(sample(), answer, DnsTransport::udp)));
}

TEST(ReverseAddress, ReadsWholeAddressesOnly) {
  auto reverse = [](std::string_view text) { return reverse_address(*DnsName::from_text(text)); };
  EXPECT_EQ(reverse("4.3.2.1.in-addr.arpa"), DnsAddress(Ipv4Bytes{1, 2, 3, 4}));
  EXPECT_EQ(reverse("255.0.18.198.IN-ADDR.ARPA"), DnsAddress(Ipv4Bytes{198, 18, 0, 255}));
  std::string nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.d.0.1.0.0.2.ip6.arpa";
  Ipv6Bytes expected{0x20, 0x01, 0x0d, 0xb8};
  expected[15] = 1;
  EXPECT_EQ(reverse(nibbles), DnsAddress(expected));
  for (std::string_view text :
       {"3.2.1.in-addr.arpa", "5.4.3.2.1.in-addr.arpa", "256.3.2.1.in-addr.arpa", "04.3.2.1.in-addr.arpa",
        "a.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.example", "4.3.2.1.ip6.arpa", "4.3.2.1.x\\007in-addr\\004arpa", "."})
    EXPECT_FALSE(reverse(text)) << text;
  EXPECT_FALSE(reverse("g" + nibbles.substr(1)));
  EXPECT_FALSE(reverse("00" + nibbles.substr(1)));
  EXPECT_FALSE(reverse(nibbles.substr(2)));
}

}  // namespace
}  // namespace hv::network
