#include "network/http_response.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

using Kind = HttpFraming::Kind;

struct Reading {
  HeadState state;
  std::string reason;
  ResponseHead head;
};

Reading read(std::string_view text, std::string_view method = "GET", bool upgrade = false, size_t step = 1 << 20) {
  ResponseHeadReader reader({std::string(method), upgrade});
  HeadState state = HeadState::need_more;
  for (size_t end = 0; end < text.size() && state == HeadState::need_more;) {
    end = std::min(end + step, text.size());
    state = reader.read(text.substr(0, end));
  }
  return {state, reader.reason(), reader.head()};
}

TEST(ResponseHead, SaysWhereTheResponseEnds) {
  struct Row {
    std::string_view method;
    std::string_view text;
    HttpFraming framing;
    bool keep_alive;
  };
  const Row rows[] = {
      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {Kind::length, 5}, true},
      {"GET", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", {Kind::chunked, 0}, true},
      {"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", {Kind::length, 0}, false},
      {"GET", "HTTP/1.1 200 OK\r\n\r\n", {Kind::until_close, 0}, false},
      {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", {Kind::length, 5}, false},
      {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", {Kind::length, 5}, true},
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {Kind::none, 0}, true},
      {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {Kind::none, 0}, true},
      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", {Kind::none, 0}, true},
      {"DELETE", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", {Kind::none, 0}, true},
      {"POST", "HTTP/1.1 100 Continue\r\n\r\n", {Kind::none, 0}, true},
      {"GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", {Kind::none, 0}, true},
      {"CONNECT", "HTTP/1.1 200 Connection established\r\n\r\n", {Kind::tunnel, 0}, true},
      {"CONNECT", "HTTP/1.0 200 Connection established\r\nContent-Length: 5\r\n\r\n", {Kind::tunnel, 0}, false},
      {"CONNECT", "HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n", {Kind::length, 5}, true},
  };
  for (const Row& row : rows) {
    Reading reading = read(row.text, row.method);
    ASSERT_EQ(reading.state, HeadState::complete) << row.text << reading.reason;
    EXPECT_EQ(reading.head.framing, row.framing) << row.text;
    EXPECT_EQ(reading.head.keep_alive, row.keep_alive) << row.text;
    EXPECT_EQ(reading.head.is_interim(), row.text.substr(9, 1) == "1") << row.text;
    EXPECT_EQ(read(to_text(reading.head), row.method).head, reading.head);
  }
}

TEST(ResponseHead, SwitchesProtocolsOnlyWhenAsked) {
  constexpr std::string_view kSwitch =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  Reading reading = read(kSwitch, "GET", true);
  EXPECT_EQ(reading.state, HeadState::complete) << reading.reason;
  EXPECT_EQ(reading.head.framing.kind, Kind::tunnel);
  EXPECT_FALSE(reading.head.is_interim());
  EXPECT_NE(read(kSwitch).reason.find("nobody asked for"), std::string::npos);
}

TEST(ResponseHead, RefusesWhatTwoReadersCouldReadDifferently) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"HTTP/1.1 200 OK\nX: y\n\n", "a line feed without"},
      {"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "a continued field"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both Content-Length and"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "more than one Content-Length"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "other than chunked"},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "in HTTP/1.0"},
      {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "a body where none may be"},
      {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", "a body where none may be"},
      {"HTTP/2 200\r\n\r\n", "not a status line"},
      {"HTTP/1.2 200 OK\r\n\r\n", "not a status line"},
      {"HTTP/1.1 2000\r\n\r\n", "not a status line"},
      {"HTTP/1.1  200\r\n\r\n", "not a status line"},
      {"HTTP/1.1 2x0 OK\r\n\r\n", "a status that is no number"},
      {"HTTP/1.1 099 OK\r\n\r\n", "outside of 100 to 599"},
      {"HTTP/1.1 600 OK\r\n\r\n", "outside of 100 to 599"},
      {"ICY 200 OK\r\n\r\n", "not a status line"},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", "an empty line before"},
  };
  for (const auto& [text, reason] : rows) {
    Reading reading = read(text);
    EXPECT_EQ(reading.state, HeadState::refused) << text;
    EXPECT_NE(reading.reason.find(reason), std::string::npos) << reason << " / " << reading.reason;
    EXPECT_EQ(read(text, "GET", false, 1).reason, reading.reason) << "byte by byte";
  }
}

TEST(ResponseHead, NeedsMoreForEachBeginning) {
  std::string_view text = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\n";
  for (size_t size = 0; size < text.size(); ++size) EXPECT_EQ(read(text.substr(0, size)).state, HeadState::need_more);
}

}  // namespace
}  // namespace hv::network
