#include "client/daemon.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "base/unix_socket.h"

namespace hv::client {
namespace {

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/hv-client-XXXXXX";
    directory_ = mkdtemp(pattern);
    access_.socket = directory_ + "/run/hydravisord.sock";
    access_.environment = {"PATH=/usr/bin:/bin", "DIRECTORY=" + directory_};
  }
  void TearDown() override { (void)base::remove_tree(directory_); }
  // A daemon that counts its starts in `starts` and does `script`.
  void daemon(const std::string& script) {
    access_.program = directory_ + "/daemon";
    ASSERT_TRUE(
        base::write_file_atomically(access_.program, "#!/bin/sh\necho start >> $DIRECTORY/starts\n" + script, 0700));
  }
  std::string directory_;
  Access access_;
};

TEST_F(DaemonTest, FindsOneThatListens) {
  ASSERT_TRUE(base::make_directories(directory_ + "/run"));
  auto listener = base::listen_unix(access_.socket, SOCK_STREAM);
  auto socket = connect_daemon(access_);
  ASSERT_TRUE(socket) << socket.error().text();
  EXPECT_EQ(base::peer_credentials(socket->get())->pid, getpid());
}

TEST_F(DaemonTest, SaysHowToStartOneWhenItMayNot) {
  auto socket = connect_daemon(access_);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code(), base::ErrorCode::unavailable);
  EXPECT_EQ(socket.error().hint(), "start it: hydravisor daemon run");
}

TEST_F(DaemonTest, TellsWhatADaemonSaidThatEnded) {
  daemon("echo 'no such thing as luck' >&2; exit 1\n");
  auto socket = connect_daemon(access_);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code(), base::ErrorCode::unavailable);
  EXPECT_NE(socket.error().message().find("ended while it started: no such thing as luck"), std::string::npos)
      << socket.error().text();
}

TEST_F(DaemonTest, GivesUpOnADaemonThatNeverListens) {
  daemon("echo $$ > $DIRECTORY/pid; exec sleep 60\n");
  access_.start_timeout = std::chrono::milliseconds(50);
  auto socket = connect_daemon(access_);
  ASSERT_FALSE(socket);
  EXPECT_NE(socket.error().message().find("did not answer in time"), std::string::npos) << socket.error().text();
  auto pid = base::read_file(directory_ + "/pid");
  if (pid) ::kill(std::stoi(*pid), SIGKILL);
}

TEST_F(DaemonTest, TenThatStartAtOnceStartOne) {
  // The listening end is made by this test as soon as the first daemon says that it runs.
  // Like the real one it lets go of the lock, which the others wait for, once it can be reached.
  daemon("until [ -S $DIRECTORY/run/hydravisord.sock ]; do sleep 0.01; done; exec sleep 5 3>&-\n");
  base::Result<base::Fd> listening = base::Fd();
  std::thread listener([&] {
    while (!base::path_exists(directory_ + "/starts")) usleep(1000);
    usleep(5000);
    listening = base::listen_unix(access_.socket, SOCK_STREAM);
  });
  std::vector<std::thread> clients;
  std::atomic<int> connected = 0;
  for (int i = 0; i < 10; ++i) clients.emplace_back([&] { connected += connect_daemon(access_) ? 1 : 0; });
  for (std::thread& client : clients) client.join();
  listener.join();
  EXPECT_EQ(connected, 10);
  EXPECT_EQ(*base::read_file(directory_ + "/starts"), "start\n");
}

TEST_F(DaemonTest, RefusesASocketOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make a socket of somebody else";
  ASSERT_TRUE(base::make_directories(directory_ + "/run"));
  auto listener = base::listen_unix(access_.socket, SOCK_STREAM);
  ASSERT_EQ(chmod(directory_.c_str(), 0755) + chmod((directory_ + "/run").c_str(), 0755) +
                chmod(access_.socket.c_str(), 0666),
            0);
  // What an unprivileged user sees of root's daemon is allowed; so root looks at a socket whose listener was another's.
  pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(1);
    _exit(listen(listener->get(), 10) == 0 ? 0 : 2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  auto socket = connect_daemon(access_);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code(), base::ErrorCode::denied);
  EXPECT_NE(socket.error().message().find("user 65534, not by yours"), std::string::npos) << socket.error().text();
}

TEST(DaemonEnvironment, KeepsOnlyWhatTheDaemonNeeds) {
  EXPECT_EQ(daemon_environment({"HOME=/h", "XDG_STATE_HOME=/s", "AWS_SECRET_ACCESS_KEY=x", "HOMER=d", "LD_PRELOAD=y"}),
            (std::vector<std::string>{"HOME=/h", "XDG_STATE_HOME=/s"}));
}

TEST(FindProgram, NamesThePlaceItLookedAt) {
  auto found = find_program("hydravisor-nothing");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), base::ErrorCode::not_found);
  EXPECT_NE(found.error().message().find("/hydravisor-nothing does not exist"), std::string::npos);
}

}  // namespace
}  // namespace hv::client
