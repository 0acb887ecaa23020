// Unix sockets with descriptors and credentials: unix(7), SCM_RIGHTS, SO_PEERCRED.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"

namespace hv::base {

struct SocketPair {
  Fd first;
  Fd second;
};

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Message {
  std::string data;
  std::vector<Fd> fds;
};

// `type` is SOCK_STREAM or SOCK_SEQPACKET; close-on-exec.
Result<SocketPair> make_socket_pair(int type);

// A path longer than sun_path allows is reached through /proc/self/fd of its directory, so any length works.
Result<Fd> listen_unix(const std::string& path, int type, mode_t mode = 0600);
// A listener that accepts nobody lets connect(2) wait once its backlog is full: `timeout` after `patience`, unless 0.
Result<Fd> connect_unix(const std::string& path, int type, std::chrono::milliseconds patience = {});

Result<PeerCredentials> peer_credentials(int socket);

// One message with descriptors (at most 32), kept by the caller. On SEQPACKET all or nothing; on STREAM the descriptors
// travel with the first byte and the rest is written after it.
Status send_message(int socket, std::string_view data, const std::vector<int>& fds = {});
// One message of at most `limit` bytes; a longer one, or more descriptors than 32, is invalid_argument. End of stream
// is an empty message. EAGAIN on a non-blocking socket is `unavailable`.
Result<Message> receive_message(int socket, size_t limit = 256 * 1024);

}  // namespace hv::base
