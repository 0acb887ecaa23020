#include "http/request_parser.h"

#include <gtest/gtest.h>

namespace hv::http {
namespace {

TEST(RequestParser, ReadsARequestInAnyPieces) {
  const std::string text = "POST /v1/run?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";
  for (size_t step = 1; step <= text.size(); ++step) {
    RequestParser parser;
    for (size_t at = 0; at < text.size(); at += step) {
      std::string part = text.substr(at, step);
      auto used = parser.feed(part);
      ASSERT_TRUE(used) << used.error().message;
      EXPECT_EQ(*used, part.size());
    }
    ASSERT_TRUE(parser.complete()) << step;
    Request request = parser.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/run?x=1");
    EXPECT_EQ(request.headers.find("x-a"), "b");
    EXPECT_EQ(request.body, "hello");
    EXPECT_TRUE(request.keep_alive);
  }
}

TEST(RequestParser, LeavesTheNextRequestAlone) {
  const std::string first = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  RequestParser parser;
  ASSERT_EQ(*parser.feed(first.substr(0, 7)), 7u);
  EXPECT_EQ(*parser.feed(first.substr(7) + "GET /b"), first.size() - 7);
  EXPECT_EQ(parser.take().target, "/a");
  EXPECT_FALSE(parser.started());
}

TEST(RequestParser, ReadsChunkedBodies) {
  RequestParser parser;
  ASSERT_TRUE(parser.feed("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2"));
  ASSERT_TRUE(parser.feed("\r\nde\r\n0\r\n\r\n"));
  ASSERT_TRUE(parser.complete());
  EXPECT_EQ(parser.take().body, "abcde");
}

int status_of(std::string_view text, Limits limits = {}) {
  RequestParser parser(limits);
  auto used = parser.feed(text);
  return used ? 0 : used.error().status;
}

TEST(RequestParser, RefusesMalformedRequests) {
  EXPECT_EQ(status_of("\x16\x03\x01 hello\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/2.0\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(status_of("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
}

TEST(RequestParser, RefusesTwoLengthsForOneBody) {
  EXPECT_EQ(
      status_of("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      400);
  EXPECT_EQ(
      status_of("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
      400);
  EXPECT_EQ(status_of("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400);
}

TEST(RequestParser, StopsAtItsLimits) {
  Limits limits{1000, 100};
  EXPECT_EQ(status_of("GET /" + std::string(2000, 'a'), limits), 431) << "before the head has ended";
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a') + "\r\n\r\n", limits), 431);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", limits), 413)
      << "before the body came";
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + std::string(255, 'a') +
                          "\r\n",
                      limits),
            413);
}

TEST(RequestParser, TellsOnceThatTheClientWaits) {
  RequestParser parser;
  ASSERT_TRUE(parser.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_TRUE(parser.wants_continue());
  EXPECT_FALSE(parser.wants_continue());
}

}  // namespace
}  // namespace hv::http
