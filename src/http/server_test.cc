// The server and the blocking client against each other, over real sockets in a private directory.
#include "http/server.h"

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "http/client.h"

namespace hv::http {
namespace {

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/hv-http-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/sock";
  }
  void TearDown() override {
    loop_.post([this] {
      kept_.reset();
      server_.reset();
      loop_.stop();
    });
    if (thread_.joinable()) thread_.join();
    (void)base::remove_tree(directory_);
  }
  void serve(Handler handler, ServerOptions options = {}) {
    auto listener = base::listen_unix(path_, SOCK_STREAM);
    ASSERT_TRUE(listener) << listener.error().text();
    server_.emplace(loop_, std::move(*listener), std::move(options), std::move(handler));
    thread_ = std::thread([this] { loop_.run(); });
  }
  base::Fd connect() { return std::move(*base::connect_unix(path_, SOCK_STREAM)); }
  // Sends `bytes` as they are and reads until the server closes.
  std::string raw(std::string_view bytes, bool half_close = true) {
    base::Fd fd = connect();
    EXPECT_TRUE(base::write_all(fd.get(), bytes));
    if (half_close) ::shutdown(fd.get(), SHUT_WR);
    return *base::read_all(fd.get());
  }
  static Handler echo() {
    return [](const std::shared_ptr<Exchange>& exchange) {
      exchange->respond({200, {}, exchange->request().target + exchange->request().body});
    };
  }

  Loop loop_;
  std::string directory_;
  std::string path_;
  std::optional<Server> server_;
  std::shared_ptr<Exchange> kept_;  // loop's thread
  std::thread thread_;
};

size_t count(std::string_view text, std::string_view what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST_F(ServerTest, AnswersManyRequestsOnOneConnection) {
  serve(echo());
  ClientConnection client(connect());
  for (int i = 0; i < 5; ++i) {
    auto response = client.exchange({"POST", "/" + std::to_string(i), {}, std::string(100'000, 'x')});
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->body.size(), 100'002u);
    EXPECT_TRUE(client.reusable());
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderAlsoAfterHalfClose) {
  serve(echo());
  std::string answer =
      raw("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(count(answer, "200 OK"), 3u) << answer;
  EXPECT_LT(answer.find("/a"), answer.find("/b"));
  EXPECT_LT(answer.find("/b"), answer.find("/c"));
}

TEST_F(ServerTest, ClosesAfterAMalformedRequest) {
  serve(echo());
  std::string answer = raw("nonsense\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", false);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_EQ(count(answer, "HTTP/1.1"), 1u) << "what follows cannot be trusted to be a request";
}

TEST_F(ServerTest, TellsARequestThatBrokeOff) {
  serve(echo());
  EXPECT_TRUE(raw("GET /a HT").starts_with("HTTP/1.1 400 "));
}

TEST_F(ServerTest, AnswersAnOversizedBodyBeforeItHasCome) {
  serve(echo());
  ClientConnection client(connect());
  auto response = client.exchange({"POST", "/", {}, std::string(5 << 20, 'x')});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->status, 413);
}

TEST_F(ServerTest, TurnsASlowClientAway) {
  ServerOptions options;
  options.request_timeout = std::chrono::milliseconds(30);
  serve(echo(), std::move(options));
  EXPECT_TRUE(raw("GET /a HTTP/1.1\r\nHo", false).starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerTest, RefusesStrangersAndTellsIt) {
  ServerOptions options;
  std::atomic<int> refused = 0;
  options.admits = [](const base::PeerCredentials&) { return false; };
  options.refused = [&](const base::PeerCredentials& peer) { refused += peer.uid == getuid() ? 1 : 0; };
  bool called = false;
  serve([&](const std::shared_ptr<Exchange>&) { called = true; }, std::move(options));
  EXPECT_TRUE(raw("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 403 "));
  EXPECT_EQ(refused, 1);
  EXPECT_FALSE(called);
}

TEST_F(ServerTest, AnswersForAHandlerThatForgot) {
  serve([](const std::shared_ptr<Exchange>&) {});
  EXPECT_TRUE(raw("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerTest, TakesAnswersFromAnotherThread) {
  std::vector<std::thread> threads;
  serve([&](std::shared_ptr<Exchange> exchange) {
    threads.emplace_back([exchange = std::move(exchange)] { exchange->respond({200, {}, "late"}); });
  });
  ClientConnection client(connect());
  EXPECT_EQ(client.exchange({})->body, "late");
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ServerTest, StreamsABodyAndKeepsTheConnection) {
  serve([](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().target != "/stream") return exchange->respond({200, {}, "plain"});
    std::shared_ptr<BodyWriter> body = exchange->stream({200, {{{"Content-Type", "text/plain"}}}, {}});
    body->write("one ", [body](bool) { body->write(std::string(300'000, 'x'), [body](bool) { body->end(); }); });
  });
  ClientConnection client(connect());
  auto response = client.exchange({"GET", "/stream", {}, {}});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->body.size(), 300'004u);
  EXPECT_EQ(client.exchange({})->body, "plain");
}

TEST_F(ServerTest, StreamsToAnOldClientUntilItCloses) {
  serve([](const std::shared_ptr<Exchange>& exchange) {
    std::shared_ptr<BodyWriter> body = exchange->stream({200, {}, {}});
    body->write("text", [body](bool) { body->end(); });
  });
  std::string answer = raw("GET / HTTP/1.0\r\n\r\n", false);
  EXPECT_TRUE(answer.ends_with("\r\n\r\ntext")) << answer;
}

TEST_F(ServerTest, ShowsABodyThatWasBrokenOff) {
  serve([](const std::shared_ptr<Exchange>& exchange) {
    std::shared_ptr<BodyWriter> body = exchange->stream({200, {}, {}});
    body->write("half", [body](bool) {});
  });
  ClientConnection client(connect());
  EXPECT_EQ(client.exchange({}).error().code(), base::ErrorCode::unavailable);
}

TEST_F(ServerTest, TellsAHandlerThatItsClientHasGone) {
  std::promise<void> gone;
  serve([&](std::shared_ptr<Exchange> exchange) {
    exchange->on_gone([&] { gone.set_value(); });
    kept_ = std::move(exchange);
  });
  {
    base::Fd fd = connect();
    ASSERT_TRUE(base::write_all(fd.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    usleep(5000);
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST_F(ServerTest, DoesNotTakeAHalfClosedClientForGone) {
  std::atomic<bool> gone = false;
  serve([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->on_gone([&] { gone = true; });
    auto timer = std::make_shared<base::Subscription>();
    *timer = loop_.after(std::chrono::milliseconds(20), [exchange, timer] { exchange->respond({200, {}, "here"}); });
  });
  EXPECT_TRUE(raw("GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n").ends_with("here"));
  EXPECT_FALSE(gone);
}

TEST_F(ServerTest, GivesAnUpgradedConnectionAwayWithWhatCameEarly) {
  std::promise<std::thread> speaker;
  serve([&](const std::shared_ptr<Exchange>& exchange) {
    auto upgraded = exchange->upgrade({101, {{{"Connection", "Upgrade"}, {"Upgrade", "frames"}}}, {}});
    ASSERT_TRUE(upgraded) << upgraded.error().text();
    speaker.set_value(std::thread([upgraded = std::move(*upgraded)] {
      char more[16];
      ssize_t more_length = ::recv(upgraded.fd.get(), more, sizeof more, 0);
      (void)base::write_all(upgraded.fd.get(),
                            upgraded.buffered + "|" + std::string(more, static_cast<size_t>(more_length)));
    }));
  });
  base::Fd fd = connect();
  ASSERT_TRUE(base::write_all(
      fd.get(),
      "POST /run HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: Upgrade\r\nUpgrade: frames\r\n\r\n{}early"));
  usleep(5000);
  ASSERT_TRUE(base::write_all(fd.get(), "late"));
  std::string answer = *base::read_all(fd.get());
  speaker.get_future().get().join();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
  EXPECT_TRUE(answer.ends_with("early|late")) << answer;
}

TEST_F(ServerTest, LetsAWaitingClientContinue) {
  serve(echo());
  base::Fd fd = connect();
  ASSERT_TRUE(base::write_all(
      fd.get(),
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"));
  char buffer[100];
  ssize_t length = ::recv(fd.get(), buffer, sizeof buffer, 0);
  EXPECT_EQ(std::string_view(buffer, static_cast<size_t>(length)), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(base::write_all(fd.get(), "ab"));
  EXPECT_TRUE(base::read_all(fd.get())->ends_with("/ab"));
}

}  // namespace
}  // namespace hv::http
