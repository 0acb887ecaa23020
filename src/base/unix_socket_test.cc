#include "base/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace hv::base {
namespace {

TEST(UnixSocket, HandsOverTheLastWordsOfAPeerThatDidNotReadOurs) {
  for (int kind : {SOCK_SEQPACKET, SOCK_STREAM}) {
    SocketPair pair = *make_socket_pair(kind);
    ASSERT_TRUE(send_message(pair.first.get(), "unread", {}));
    ASSERT_TRUE(send_message(pair.second.get(), "why", {}));
    pair.second.close();
    auto last = receive_message(pair.first.get(), 100);
    ASSERT_TRUE(last) << last.error().text();
    EXPECT_EQ(last->data, "why");
    auto end = receive_message(pair.first.get(), 100);
    ASSERT_TRUE(end) << end.error().text();
    EXPECT_EQ(end->data, "");
  }
}

}  // namespace
}  // namespace hv::base
