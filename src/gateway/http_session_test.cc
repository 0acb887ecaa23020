#include "gateway/http_session.h"

#include <vector>

#include <gtest/gtest.h>

namespace hv::gateway {
namespace {

struct World : HttpSession::Owner {
  HttpSession session{*this};
  std::vector<std::string> requests;
  std::string server;
  std::string client;
  bool finished = false;
  std::string fault;

  void on_request(const network::RequestHead& head) override {
    requests.push_back(head.method + " " + (head.authority ? head.authority->host : "-") + head.path);
  }
  void to_server(std::string_view bytes) override { server += bytes; }
  void to_client(std::string_view bytes) override { client += bytes; }
  void on_finished() override { finished = true; }
  void on_malformed(bool by_client, const std::string& reason) override {
    fault = (by_client ? "client: " : "server: ") + reason;
  }
  void proceed() { session.proceed(HttpSession::Forward::as_sent); }
};

const std::string kGet = "GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(HttpSession, HoldsARequestUntilItIsPermitted) {
  World world;
  world.session.client_bytes(kGet);
  EXPECT_EQ(world.requests, std::vector<std::string>{"GET example.org/a"});
  EXPECT_EQ(world.server, "");
  EXPECT_FALSE(world.session.wants_client());
  world.proceed();
  EXPECT_EQ(world.server, kGet);
}

TEST(HttpSession, AsksForEachRequestOfAConnectionThatStaysOpen) {
  World world;
  world.session.client_bytes(kGet + kGet);
  world.proceed();
  EXPECT_EQ(world.requests.size(), 1u) << "the second waits for the first's response";
  world.session.server_bytes(kOk);
  EXPECT_EQ(world.client, kOk);
  ASSERT_EQ(world.requests.size(), 2u);
  EXPECT_EQ(world.server, kGet) << "and for its own permission";
  world.proceed();
  EXPECT_EQ(world.server, kGet + kGet);
}

TEST(HttpSession, PassesBodiesAsTheyCome) {
  World world;
  world.session.client_bytes("POST /u HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n");
  world.proceed();
  std::string head = world.server;
  world.session.client_bytes("5\r\nhel");
  EXPECT_EQ(world.server, head + "5\r\nhel");
  world.session.client_bytes("lo\r\n0\r\n\r\n");
  EXPECT_EQ(world.server, head + "5\r\nhello\r\n0\r\n\r\n");
  world.session.server_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nda");
  EXPECT_TRUE(world.client.ends_with("3\r\nda")) << "an event stream is not kept back";
  world.session.server_bytes("t\r\n0\r\n\r\n");
  EXPECT_TRUE(world.session.is_idle());
}

TEST(HttpSession, AnEarlyResponseDoesNotEndTheRequest) {
  World world;
  world.session.client_bytes("PUT /u HTTP/1.1\r\nHost: example.org\r\nContent-Length: 4\r\n\r\nab");
  world.proceed();
  world.session.server_bytes(kOk);
  EXPECT_FALSE(world.session.is_idle());
  world.session.client_bytes("cd" + kGet);
  EXPECT_EQ(world.requests.size(), 2u);
}

TEST(HttpSession, PassesInterimResponsesBeforeTheRealOne) {
  World world;
  world.session.client_bytes(
      "PUT /u HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  world.proceed();
  world.session.server_bytes("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(world.client, "HTTP/1.1 100 Continue\r\n\r\n");
  world.session.client_bytes("x");
  world.session.server_bytes(kOk);
  EXPECT_TRUE(world.session.is_idle());
}

TEST(HttpSession, AfterAnUpgradeTheRestPassesUnseen) {
  World world;
  world.session.client_bytes(
      "GET /ws HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  world.proceed();
  world.session.server_bytes(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81");
  EXPECT_TRUE(world.session.is_tunnel());
  EXPECT_TRUE(world.client.ends_with("\x81"));
  world.session.client_bytes("GET / nonsense");
  EXPECT_TRUE(world.server.ends_with("GET / nonsense"));
  EXPECT_EQ(world.requests.size(), 1u);
}

TEST(HttpSession, AResponseWithoutALengthEndsTheConnection) {
  World world;
  world.session.client_bytes(kGet);
  world.proceed();
  world.session.server_bytes("HTTP/1.1 200 OK\r\n\r\nall of it");
  EXPECT_FALSE(world.finished);
  world.session.server_ended();
  EXPECT_TRUE(world.finished);
  EXPECT_EQ(world.fault, "");
}

TEST(HttpSession, ATruncatedResponseIsABrokenOne) {
  World world;
  world.session.client_bytes(kGet);
  world.proceed();
  world.session.server_bytes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
  world.session.server_ended();
  EXPECT_TRUE(world.fault.starts_with("server:"));
}

TEST(HttpSession, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const char* text : {"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
                           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    World world;
    world.session.client_bytes(text);
    EXPECT_TRUE(world.fault.starts_with("client:")) << text;
    EXPECT_EQ(world.server, "") << text;
  }
}

TEST(HttpSession, ASmuggledSecondRequestIsARequestLikeAnyOther) {
  World world;
  std::string hidden = "GET /admin HTTP/1.1\r\nHost: other.example\r\n\r\n";
  world.session.client_bytes("POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n\r\n" + hidden);
  world.proceed();
  EXPECT_EQ(world.server.find("/admin"), std::string::npos);
  world.session.server_bytes(kOk);
  EXPECT_EQ(world.requests.back(), "GET other.example/admin") << "and is asked for by its own name";
}

TEST(HttpSession, AServerThatSpeaksUnaskedIsNotBelieved) {
  World world;
  world.session.client_bytes(kGet);
  world.proceed();
  world.session.server_bytes(kOk + kOk);
  EXPECT_TRUE(world.fault.starts_with("server:"));
  EXPECT_EQ(world.client, kOk);
}

}  // namespace
}  // namespace hv::gateway
