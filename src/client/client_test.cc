#include "client/client.h"

#include <thread>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "base/unix_socket.h"

namespace hv::client {
namespace {

constexpr std::string_view kEmptyList =
    "HTTP/1.1 200 OK\r\nHydravisor-Api: 1\r\nContent-Type: application/json\r\nContent-Length: "
    "12\r\n\r\n{\"items\":[]}";

class SilenceTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/hv-client-XXXXXX";
    directory_ = mkdtemp(pattern);
    access_.socket = directory_ + "/hydravisord.sock";
    access_.silence = std::chrono::milliseconds(30);
    access_.sign_of_life = std::chrono::milliseconds(60);
    listener_ = *base::listen_unix(access_.socket, SOCK_STREAM);
  }
  void TearDown() override { (void)base::remove_tree(directory_); }
  // The next connection, with a first request read from it.
  base::Fd accept_request() {
    base::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char bytes[4096];
    EXPECT_GT(::recv(connection.get(), bytes, sizeof bytes, 0), 0);
    return connection;
  }
  std::string directory_;
  Access access_;
  base::Fd listener_;
};

TEST_F(SilenceTest, EndsTheWaitForADaemonThatAcceptsAndSaysNothing) {
  auto client = Client::connect(access_);
  ASSERT_TRUE(client);
  auto items = client->list();
  ASSERT_FALSE(items);
  EXPECT_EQ(items.error().code(), base::ErrorCode::timeout);
  EXPECT_NE(items.error().message().find(access_.socket + " does not answer"), std::string::npos);
  EXPECT_NE(items.error().hint().find("kill " + std::to_string(getpid())), std::string::npos) << items.error().hint();
}

TEST_F(SilenceTest, EndsTheWaitForADaemonThatReadsNothingEither) {
  auto client = Client::connect(access_);
  ASSERT_TRUE(client);
  core::RunRequest request;
  request.command = {std::string(size_t{4} << 20, 'x')};
  EXPECT_EQ(client->create(request, false).error().code(), base::ErrorCode::timeout);
}

TEST_F(SilenceTest, EndsTheWaitInTheMiddleOfAnAnswer) {
  std::thread daemon([&] {
    base::Fd connection = accept_request();
    EXPECT_TRUE(base::write_all(connection.get(), kEmptyList.substr(0, kEmptyList.size() - 5)));
    base::Fd question = accept_request();
    usleep(200'000);
  });
  auto client = Client::connect(access_);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->list().error().code(), base::ErrorCode::timeout);
  daemon.join();
}

TEST_F(SilenceTest, WaitsForALongOperationWhileTheDaemonGivesSignsOfLife) {
  std::thread daemon([&] {
    base::Fd busy = accept_request();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(base::write_all(accept_request().get(), kEmptyList));
    EXPECT_TRUE(base::write_all(busy.get(), kEmptyList));
    usleep(50'000);
  });
  auto client = Client::connect(access_);
  ASSERT_TRUE(client);
  auto items = client->list();
  EXPECT_TRUE(items) << items.error().text();
  daemon.join();
}

TEST_F(SilenceTest, EndsTheWaitForAListenerThatAcceptsNobody) {
  ASSERT_EQ(::listen(listener_.get(), 0), 0);
  base::Fd waiting = *base::connect_unix(access_.socket, SOCK_STREAM);
  auto client = Client::connect(access_);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code(), base::ErrorCode::timeout);
}

}  // namespace
}  // namespace hv::client
