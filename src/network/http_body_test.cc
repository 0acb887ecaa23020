#include "network/http_body.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

using namespace std::string_view_literals;
using Kind = HttpFraming::Kind;
using State = HttpBodyReader::State;

struct Reading {
  State state;
  size_t used = 0;
  uint64_t content = 0;
  std::string reason;
  bool operator==(const Reading&) const = default;
};

Reading read(HttpFraming framing, std::string_view bytes, size_t step = 1 << 20) {
  HttpBodyReader reader(framing);
  size_t used = 0;
  while (used < bytes.size() && reader.state() == State::need_more) used += reader.feed(bytes.substr(used, step));
  return {reader.state(), used, reader.content(), reader.reason()};
}

Reading chunked(std::string_view bytes, size_t step = 1 << 20) {
  return read({Kind::chunked, 0}, bytes, step);
}

TEST(HttpBody, EndsWhereItsLengthSays) {
  EXPECT_EQ(read({Kind::length, 5}, "helloGET /"), (Reading{State::complete, 5, 5, ""}));
  EXPECT_EQ(read({Kind::length, 5}, "hell"), (Reading{State::need_more, 4, 4, ""}));
  EXPECT_EQ(read({Kind::length, 0}, "GET /"), (Reading{State::complete, 0, 0, ""}));
  EXPECT_EQ(read({Kind::none, 0}, "GET /"), (Reading{State::complete, 0, 0, ""}));
}

TEST(HttpBody, GoesOnUntilTheConnectionCloses) {
  EXPECT_EQ(read({Kind::until_close, 0}, "any\r\n0\r\n\r\n"), (Reading{State::need_more, 10, 10, ""}));
  EXPECT_EQ(read({Kind::tunnel, 0}, "any"), (Reading{State::need_more, 3, 3, ""}));
}

TEST(HttpBody, FollowsChunksToTheirEndInAnyPieces) {
  for (std::string_view body :
       {"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5;name=value;q=\"x\"\r\nhello\r\n00\r\n\r\n",
        "A\r\n0\r\n\r\n12345\r\n0\r\n\r\n", "1\r\n\n\r\n1\r\n\r\r\n0\r\nX: y\r\nDigest: z\r\n\r\n",
        "0000000000000001\r\na\r\n000000000000000A\r\n0123456789\r\n0;last\r\nX:\r\n\r\n"}) {
    Reading whole = chunked(std::string(body) + "GET / HTTP/1.1");
    EXPECT_EQ(whole.state, State::complete) << body << whole.reason;
    EXPECT_EQ(whole.used, body.size()) << body;
    for (size_t step = 1; step <= body.size(); ++step) EXPECT_EQ(chunked(body, step), whole) << body << step;
    for (size_t size = 0; size < body.size(); ++size)
      EXPECT_EQ(chunked(body.substr(0, size)).state, State::need_more) << body << size;
  }
  EXPECT_EQ(chunked("5\r\nhello\r\nB\r\n, and world\r\n0\r\n\r\n").content, 16u);
}

TEST(HttpBody, RefusesAtTheFirstByteThatIsWrong) {
  struct Row {
    std::string text;
    size_t good;  // bytes that may pass
    std::string_view reason;
  };
  const Row rows[] = {
      {"\r\n", 0, "a chunk without a size"},
      {";a\r\n", 0, "a chunk without a size"},
      {"+5\r\nhello", 0, "a chunk without a size"},
      {"-1\r\n", 0, "a chunk without a size"},
      {" 5\r\nhello", 0, "a chunk without a size"},
      {"0x5\r\nhello", 1, "no hexadecimal number"},
      {"5 \r\nhello", 1, "no hexadecimal number"},
      {"5\t;a\r\nhello", 1, "no hexadecimal number"},
      {"5\nhello", 1, "no hexadecimal number"},
      {"5\rhello", 2, "without its line end"},
      {"5g\r\n", 1, "no hexadecimal number"},
      {std::string(17, '0') + "\r\n", 16, "more than 16 digits"},
      {"ffffffffffffffff\r\n", 16, "beyond all measure"},
      {"4000000000000001\r\n", 16, "beyond all measure"},
      {"5;a\nhello", 3, "a control character in a chunk extension"},
      {std::string("5;a\0\r\n"sv), 3, "a control character in a chunk extension"},
      {"5;a\r\r\nhello", 4, "without its line end"},
      {"5;" + std::string(257, 'x'), 2 + 256, "longer than 256 bytes"},
      {"5\r\nhello6\r\n", 8, "a chunk longer than its size"},
      {"5\r\nhello\n0\r\n", 8, "a chunk longer than its size"},
      {"5\r\nhello\rx", 9, "a chunk longer than its size"},
      {"5\r\nhello\r\n\r\n", 10, "a chunk without a size"},
      {"0\r\nX y\r\n\r\n", 7, "a field without a colon"},
      {"0\r\n X: y\r\n\r\n", 9, "a continued field"},
      {"0\r\nX : y\r\n\r\n", 9, "a blank before the colon"},
      {"0\r\nX: y\n\r\n", 7, "a control character in a trailer"},
      {"0\r\n\n", 3, "a control character in a trailer"},
      {"0\r\n\rx", 4, "without its line end"},
      {"0\r\ncontent-length: 5\r\n\r\n", 21, "decides how a message is read"},
      {"0\r\nHost: evil\r\n\r\n", 14, "decides how a message is read"},
      {"0\r\nTransfer-Encoding: x\r\n\r\n", 24, "decides how a message is read"},
      {"0\r\nX: " + std::string(9000, 'y'), 3 + 8192, "longer than 8 KiB"},
  };
  for (const Row& row : rows) {
    Reading whole = chunked(row.text);
    EXPECT_EQ(whole.state, State::refused) << row.text;
    EXPECT_EQ(whole.used, row.good) << row.text;
    EXPECT_NE(whole.reason.find(row.reason), std::string::npos) << row.text << " / " << whole.reason;
    HttpBodyReader reader({Kind::chunked, 0});
    size_t used = 0;
    for (char c : row.text) used += reader.feed({&c, 1});
    EXPECT_EQ(used, row.good) << "byte by byte";
    EXPECT_EQ(reader.reason(), whole.reason);
  }
}

TEST(HttpBody, TakesNothingOnceItIsOver) {
  HttpBodyReader done({Kind::length, 2});
  EXPECT_EQ(done.feed("abc"), 2u);
  EXPECT_EQ(done.feed("c"), 0u);
  HttpBodyReader refused({Kind::chunked, 0});
  EXPECT_EQ(refused.feed("x"), 0u);
  EXPECT_EQ(refused.feed("0\r\n\r\n"), 0u);
}

TEST(HttpBody, BoundsEachExtensionAndNotTheirSum) {
  std::string chunk = "1;" + std::string(256, 'x') + "\r\na\r\n";
  std::string body;
  for (int i = 0; i < 1000; ++i) body += chunk;
  EXPECT_EQ(chunked(body + "0\r\n\r\n").content, 1000u);
}

}  // namespace
}  // namespace hv::network
