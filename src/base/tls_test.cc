// What can be told without a server that speaks TLS; functional/witness_tls_test.py has those that do.
#include "base/tls.h"

#include <array>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hv::base {
namespace {

class TlsClientTest : public testing::Test {
 protected:
  TlsClientTest() {
    ::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_ = Fd(ends[0]);
    far_ = Fd(ends[1]);
  }
  Error refused(TlsClient::Options options = {
                    .host = "witness.example", .authorities = "", .patience = std::chrono::seconds(20)}) {
    Result<TlsClient> client = TlsClient::connect(std::move(near_), options);
    EXPECT_FALSE(client);
    return client ? internal_error("it was believed") : client.error();
  }
  Fd near_;
  Fd far_;
};

TEST_F(TlsClientTest, TellsWhoAnswersInPlainText) {
  std::string_view answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  ASSERT_EQ(::write(far_.get(), answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
  Error error = refused();
  EXPECT_EQ(error.code(), ErrorCode::unavailable);
  EXPECT_NE(error.message().find("does not speak TLS"), std::string::npos) << error.text();
}

TEST_F(TlsClientTest, TellsWhoHangsUp) {
  std::thread other([this] {
    std::array<char, 4096> hello{};
    (void)!::read(far_.get(), hello.data(), hello.size());
    far_ = {};
  });
  Error error = refused();
  other.join();
  EXPECT_NE(error.message().find("witness.example"), std::string::npos) << error.text();
}

TEST_F(TlsClientTest, DoesNotWaitForEver) {
  Error error = refused({.host = "witness.example", .authorities = "", .patience = std::chrono::seconds(1)});
  EXPECT_EQ(error.code(), ErrorCode::timeout) << error.text();
}

TEST_F(TlsClientTest, RefusesAuthoritiesThatAreNone) {
  for (const char* path : {"/nowhere/at/all", "/dev/null", "/etc/passwd"}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_ = Fd(ends[0]);
    far_ = Fd(ends[1]);
    Error error = refused({.host = "witness.example", .authorities = path, .patience = std::chrono::seconds(1)});
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.text();
    EXPECT_NE(error.message().find(path), std::string::npos) << error.text();
    // Nothing was sent.
    near_ = {};
    char byte = 0;
    EXPECT_EQ(::recv(far_.get(), &byte, 1, 0), 0);
  }
}

}  // namespace
}  // namespace hv::base
