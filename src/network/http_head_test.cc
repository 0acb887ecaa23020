#include "network/http_head.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

using namespace std::string_view_literals;

struct Reading {
  HeadState state;
  std::string reason;
  RequestHead head;
  size_t size;
};

Reading read(std::string_view text, size_t step = 1 << 20) {
  RequestHeadReader reader;
  HeadState state = HeadState::need_more;
  for (size_t end = 0; end < text.size() && state == HeadState::need_more;) {
    end = std::min(end + step, text.size());
    state = reader.read(text.substr(0, end));
  }
  return {state, reader.reason(), reader.head(), reader.size()};
}

RequestHead accepted(std::string_view text) {
  Reading reading = read(text);
  EXPECT_EQ(reading.state, HeadState::complete) << text << ": " << reading.reason;
  return reading.head;
}

TEST(RequestHead, TellsWhatThePolicyAsksFor) {
  RequestHead head = accepted(
      "POST /v1/models?key=secret HTTP/1.1\r\nHost: API.example:8080\r\nContent-Length: 12\r\nExpect: "
      "100-continue\r\n\r\n");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.form, RequestHead::Form::origin);
  EXPECT_EQ(head.authority, (Authority{"api.example", false, 8080}));
  EXPECT_EQ(head.port(), 8080);
  EXPECT_EQ(head.path, "/v1/models");
  EXPECT_EQ(head.query, "key=secret");
  EXPECT_TRUE(head.plain_path);
  EXPECT_EQ(head.framing, (HttpFraming{HttpFraming::Kind::length, 12}));
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
}

TEST(RequestHead, ReadsTheFourFormsOfTargets) {
  RequestHead absolute = accepted("GET http://a.example?x HTTP/1.1\r\nHost: a.example:80\r\n\r\n");
  EXPECT_EQ(absolute.form, RequestHead::Form::absolute);
  EXPECT_EQ(absolute.path, "/");
  EXPECT_EQ(absolute.query, "x");
  EXPECT_EQ(absolute.authority->host, "a.example");
  EXPECT_EQ(absolute.port(), 80);
  EXPECT_EQ(accepted("GET HTTPS://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n").port(), 443);

  RequestHead connect = accepted("CONNECT [2001:DB8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n");
  EXPECT_EQ(connect.form, RequestHead::Form::authority);
  EXPECT_EQ(connect.authority, (Authority{"2001:db8::1", true, 443}));
  EXPECT_EQ(connect.path, "");

  RequestHead asterisk = accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(asterisk.form, RequestHead::Form::asterisk);
  EXPECT_EQ(asterisk.path, "*");
}

TEST(RequestHead, KnowsWhichPathsHaveOneReadingOnly) {
  for (std::string_view path : {"/", "/a/b", "/a/", "/a%20b", "/a.b/..c", "/%e2%82%ac", "/a;v=1", "/a|b"})
    EXPECT_TRUE(accepted("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n").plain_path) << path;
  for (std::string_view path : {"//a", "/a//b", "/a/../b", "/a/.", "/..", "/%2e%2E/b", "/a%2fb", "/a\\..\\b", "/a%5cb",
                                "/%252e", "/a%00", "/a%0a", "/a%", "/a%4", "/a%zz", "/..;/a", "/a/.;x=1/b"})
    EXPECT_FALSE(accepted("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n").plain_path) << path;
  EXPECT_TRUE(accepted("GET /a?../%2e HTTP/1.1\r\nHost: a\r\n\r\n").plain_path) << "the query is no path";
}

TEST(RequestHead, KnowsWhetherTheConnectionGoesOn) {
  EXPECT_TRUE(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

TEST(RequestHead, BelievesAnUpgradeOnlyWhenTheConnectionNamesIt) {
  EXPECT_EQ(
      accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n").upgrade,
      "websocket");
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").upgrade);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade);
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n").upgrade);
}

TEST(RequestHead, DelimitsTheBody) {
  using Kind = HttpFraming::Kind;
  EXPECT_EQ(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").framing.kind, Kind::none);
  EXPECT_EQ(accepted("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n").framing.kind, Kind::chunked);
  EXPECT_EQ(accepted("PUT / HTTP/1.0\r\ncontent-length:\t0 \r\n\r\n").framing, (HttpFraming{Kind::length, 0}));
  EXPECT_EQ(accepted("PUT / HTTP/1.0\r\nContent-Length: 999999999999999999\r\n\r\n").framing.length,
            999999999999999999u);
  EXPECT_EQ(accepted("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n").framing.length, 0u);
}

TEST(RequestHead, RefusesWhatTwoReadersCouldReadDifferently) {
  auto with = [](std::string_view fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n"; };
  auto target = [](std::string_view text) { return "GET " + std::string(text) + " HTTP/1.1\r\nHost: a\r\n\r\n"; };
  struct Row {
    std::string text;
    std::string_view reason;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\nHost: a\n\n", "a line feed without"},
      {with("X: y\n"), "a line feed without"},
      {with("X: a\rb\r\n"), "a carriage return without"},
      {with("X: a\r\r\n"), "a carriage return without"},
      {with("X: a\0b\r\n"sv), "a control character"},
      {with("X: a\x1b[2J\r\n"), "a control character"},
      {with("X: a\x7f\r\n"), "a control character"},
      {with("X: a\r\n b\r\n"), "a continued field"},
      {with("X: a\r\n\tb\r\n"), "a continued field"},
      {with("X : a\r\n"), "a blank before the colon"},
      {with("Content-Length\t: 1\r\n"), "a blank before the colon"},
      {with("X\r\n"), "a field without a colon"},
      {with(": a\r\n"), "a field name that is no token"},
      {with("X(y): a\r\n"), "a field name that is no token"},
      {with("\xc3\xbc: a\r\n"), "a field name that is no token"},
      {with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "both Content-Length and"},
      {with("Transfer-Encoding: chunked\r\ncontent-length: 0\r\n"), "both Content-Length and"},
      {with("Content-Length: 1\r\nContent-Length: 2\r\n"), "more than one Content-Length"},
      {with("Content-Length: 1\r\nContent-Length: 1\r\n"), "more than one Content-Length"},
      {with("Content-Length: 1, 1\r\n"), "no decimal number"},
      {with("Content-Length: +1\r\n"), "no decimal number"},
      {with("Content-Length: -1\r\n"), "no decimal number"},
      {with("Content-Length: 0x10\r\n"), "no decimal number"},
      {with("Content-Length: 1 2\r\n"), "no decimal number"},
      {with("Content-Length:\r\n"), "no decimal number"},
      {with("Content-Length: 010\r\n"), "a leading zero"},
      {with("Content-Length: 18446744073709551617\r\n"), "beyond all measure"},
      {with("Transfer-Encoding: gzip, chunked\r\n"), "other than chunked"},
      {with("Transfer-Encoding: identity\r\n"), "other than chunked"},
      {with("Transfer-Encoding: chunked, chunked\r\n"), "other than chunked"},
      {with("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       "a control character"},
      {with("Transfer-Encoding: xchunked\r\n"), "other than chunked"},
      {with("Transfer-Encoding:\r\n"), "other than chunked"},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "more than one Transfer-Encoding"},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "in HTTP/1.0"},
      {with("Host: a\r\n"), "more than one Host"},
      {with("host: b\r\n"), "more than one Host"},
      {"GET / HTTP/1.1\r\n\r\n", "no Host"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "empty"},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "user information"},
      {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "a character that no host name has"},
      {"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "a port that does not exist"},
      {with("Connection: Transfer-Encoding\r\n"), "names transfer-encoding"},
      {with("Connection: close, host\r\n"), "names host"},
      {with("Connection: a b\r\n"), "no list of tokens"},
      {with("Upgrade: a\r\nUpgrade: b\r\n"), "more than one Upgrade"},
      {with("Expect: 200-ok\r\n"), "other than 100-continue"},
      {target("http://b/"), "not the target's"},
      {target("http://a:81/"), "not the target's"},
      {target("https://a:80/"), "not the target's"},
      {target("http://u:p@a/"), "user information"},
      {target("http:///x"), "empty"},
      {target("http://a:b/"), "a port that is no number"},
      {target("ftp://a/"), "another scheme"},
      {target("a"), "no known form"},
      {target("a:80"), "no known form"},
      {target("*"), "another method than OPTIONS"},
      {target("/a#b"), "must be escaped"},
      {target("/\xc3\xbc"), "must be escaped"},
      {target("/a b"), "must be escaped"},
      {target("/a\tb"), "must be escaped"},
      {target(" /"), "must be escaped"},
      {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", "no target"},
      {"GET /\r\n\r\n", "not three parts"},
      {"GET\r\n\r\n", "not three parts"},
      {"G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n", "a method that is no token"},
      {"(GET) / HTTP/1.1\r\nHost: a\r\n\r\n", "a method that is no token"},
      {std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", "a method that is no token"},
      {"Connect a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "in unusual case"},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "another version"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "another version"},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", "another version"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "another version"},
      {"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "a CONNECT without a port"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n", "not the target's"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:2\r\n\r\n", "not the target's"},
      {"CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "a port that is no number"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\n", "a CONNECT with a body"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n", "a CONNECT with a body"},
      {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "an empty line before"},
      {"\x16\3\1\2", "a control character"},
  };
  for (const Row& row : rows) {
    Reading reading = read(row.text);
    EXPECT_EQ(reading.state, HeadState::refused) << row.reason << "\n" << row.text;
    EXPECT_NE(reading.reason.find(row.reason), std::string::npos) << row.reason << " / " << reading.reason;
    EXPECT_EQ(read(row.text, 1).reason, reading.reason) << "byte by byte";
  }
}

TEST(RequestHead, NeedsMoreForEachBeginningAndLeavesTheBodyAlone) {
  const std::string text =
      "POST http://a.example:81/x?y HTTP/1.1\r\nHost: a.example:81\r\nX-A: \xc3\xbc \t\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  for (size_t size = 0; size < text.size(); ++size) EXPECT_EQ(read(text.substr(0, size)).state, HeadState::need_more);
  Reading whole = read(text + "5\r\nhello\0\n\n");
  EXPECT_EQ(whole.state, HeadState::complete);
  EXPECT_EQ(whole.size, text.size());
  for (size_t step = 1; step < text.size(); ++step) {
    Reading pieces = read(text, step);
    EXPECT_EQ(pieces.head, whole.head) << step;
    EXPECT_EQ(pieces.size, text.size());
  }
}

TEST(RequestHead, StopsAtItsLimits) {
  std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  std::string fields;
  for (int i = 0; i < 199; ++i) fields += "X: y\r\n";
  EXPECT_EQ(read(start + fields + "\r\n").state, HeadState::complete);
  EXPECT_NE(read(start + fields + "X: y\r\n").reason.find("200 fields"), std::string::npos);

  std::string filler(HeadReader::kSizeLimit - start.size() - 7, 'x');
  EXPECT_EQ(read(start + "X: " + filler + "\r\n\r\n").state, HeadState::complete) << "exactly 64 KiB";
  EXPECT_NE(read(start + "X: x" + filler + "\r\n\r\n").reason.find("64 KiB"), std::string::npos);
  EXPECT_EQ(read(std::string(HeadReader::kSizeLimit + 1, 'A')).state, HeadState::refused);
}

TEST(RequestHead, ComesBackAsItWasRead) {
  RequestHead head = accepted("GET /a?b HTTP/1.1\r\nHost:  a \r\nX-y:z\r\n\r\n");
  EXPECT_EQ(to_text(head), "GET /a?b HTTP/1.1\r\nHost: a\r\nX-y: z\r\n\r\n");
  EXPECT_EQ(accepted(to_text(head)), head);
}

TEST(RequestHead, GoesToAnOriginServerWithoutWhatWasForTheProxy) {
  EXPECT_EQ(to_origin_text(accepted("GET http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\n"
                                    "Proxy-Connection: keep-alive\r\nPROXY-AUTHORIZATION: Basic x\r\nX: y\r\n\r\n")),
            "GET /b?c HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n");
  EXPECT_EQ(to_origin_text(accepted("GET http://[2001:db8::1]:81 HTTP/1.0\r\n\r\n")),
            "GET / HTTP/1.0\r\nHost: [2001:db8::1]:81\r\n\r\n");
  EXPECT_EQ(to_origin_text(accepted("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n")),
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(RequestHead, GoesOnInHttp1WithoutItsWishForAnotherProtocol) {
  RequestHead head = accepted(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, keep-alive, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABk\r\nX: y\r\n\r\n");
  ASSERT_EQ(head.upgrade, "h2c");
  RequestHead without = without_upgrade(head);
  EXPECT_EQ(to_text(without), "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nX: y\r\n\r\n");
  EXPECT_EQ(accepted(to_text(without)), without);
}

}  // namespace
}  // namespace hv::network
