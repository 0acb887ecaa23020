#include "http/message.h"

#include <gtest/gtest.h>

#include "http/response_reader.h"
#include "http/sse.h"
#include "http/target.h"

namespace hv::http {
namespace {

TEST(Headers, AreFoundWhateverTheirCase) {
  Headers headers;
  headers.add("Connection", "keep-alive, Upgrade");
  EXPECT_EQ(headers.find("CONNECTION"), "keep-alive, Upgrade");
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_FALSE(headers.has_token("connection", "up"));
}

TEST(Target, IsSplitAndDecoded) {
  auto target = parse_target("/v1/sandboxes/w%65b?force=true&path=a%20b%26c");
  ASSERT_TRUE(target) << target.error().text();
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "sandboxes", "web"}));
  EXPECT_EQ(target->value("force"), "true");
  EXPECT_EQ(target->value("path"), "a b&c");
}

TEST(Target, RefusesWhatCouldBeReadInTwoWays) {
  for (const char* text : {"", "v1", "/v1//x", "/v1/../x", "/v1/%2e%2e/x", "/v1/a%2fb", "/v1/%", "/v1/%zz", "/v1/%00",
                           "/v1/%ff", "/v1/a\x01", "/v1/x#y", "http://host/v1"})
    EXPECT_FALSE(parse_target(text)) << text;
}

TEST(Target, EscapedTextComesBack) {
  std::string all = "a/b c%&=?#\xc3\xa9~";
  auto target = parse_target("/x?v=" + escape(all));
  ASSERT_TRUE(target);
  EXPECT_EQ(target->value("v"), all);
}

ResponseReader read(std::string_view text, size_t step) {
  ResponseReader reader;
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size())))
    EXPECT_TRUE(reader.feed(text.substr(0, step))) << text;
  return reader;
}

TEST(ResponseReader, ReadsACountedBodyInAnyPieces) {
  std::string text = serialize(Response{404, {{{"X", "y"}}}, "hello"}, true);
  for (size_t step = 1; step < text.size(); ++step) {
    ResponseReader reader = read(text, step);
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(reader.head().status, 404);
    EXPECT_EQ(reader.take_body(), "hello");
    EXPECT_TRUE(reader.keep_alive());
  }
}

TEST(ResponseReader, ReadsChunksInAnyPieces) {
  Response head{200, {{{"Transfer-Encoding", "chunked"}}}, {}};
  std::string text = serialize_head(head) + chunk("hello ") + chunk("world") + chunk({});
  for (size_t step = 1; step < text.size(); ++step) {
    ResponseReader reader = read(text, step);
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(reader.take_body(), "hello world");
  }
}

TEST(ResponseReader, KeepsWhatFollowsAnUpgrade) {
  ResponseReader reader = read(serialize_head(Response{101, {}, {}}) + "frames", 1000);
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.take_rest(), "frames");
}

TEST(ResponseReader, SkipsAnInterimAnswer) {
  ResponseReader reader = read("HTTP/1.1 100 Continue\r\n\r\n" + serialize(Response{204, {}, {}}, true), 3);
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.head().status, 204);
}

TEST(ResponseReader, TellsABodyThatBrokeOff) {
  ResponseReader reader = read("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 1000);
  EXPECT_EQ(reader.finish().error().code(), base::ErrorCode::unavailable);
}

TEST(ResponseReader, RefusesWhatIsNotAnAnswer) {
  for (const char* text : {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    ResponseReader reader;
    EXPECT_FALSE(reader.feed(text)) << text;
  }
}

TEST(Sse, ComesBackAsItWasSent) {
  SseParser parser;
  parser.feed(std::string(kSseKeepAlive) + format_sse({"7", "record", "one\ntwo"}) + "id: 8\ndata: x");
  auto event = parser.next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->id, "7");
  EXPECT_EQ((*event)->type, "record");
  EXPECT_EQ((*event)->data, "one\ntwo");
  event = parser.next();
  ASSERT_TRUE(event);
  EXPECT_FALSE(*event) << "the last event has not ended";
}

}  // namespace
}  // namespace hv::http
