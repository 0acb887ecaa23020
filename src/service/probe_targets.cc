#include "service/probe_targets.h"

#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"
#include "base/unix_socket.h"

namespace hv::service {

namespace {

base::Fd listen_abstract(const std::string& name) {
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() + 1 > sizeof address.sun_path) return {};
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  bool listens =
      fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0 && ::listen(fd.get(), 8) == 0;
  return listens ? std::move(fd) : base::Fd();
}

base::Fd listen_loopback(uint16_t& port) {
  base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  bool listens = fd && ::bind(fd.get(), generic, length) == 0 && ::listen(fd.get(), 8) == 0 &&
                 ::getsockname(fd.get(), generic, &length) == 0;
  port = ntohs(address.sin_port);
  return listens ? std::move(fd) : base::Fd();
}

}  // namespace

ProbeTargets::ProbeTargets(const std::string& directory) {
  base::Result<std::string> random = base::random_bytes(8);
  if (!random) return;
  std::string unique = "hydravisor-probe-" + base::to_hex(*random);
  // The daemon: attempts on it that get through look at it and signal nothing.
  name("--host-pid", std::to_string(::getpid()));

  if (base::Fd listener = listen_abstract(unique)) {
    listeners_.push_back(std::move(listener));
    name("--host-abstract", unique);
  }
  std::string socket = directory + "/" + unique + ".sock";
  if (base::Result<base::Fd> listener = base::listen_unix(socket, SOCK_STREAM, 0666)) {
    listeners_.push_back(*std::move(listener));
    files_.push_back(socket);
    name("--host-socket", socket);
  }
  std::string file = directory + "/" + unique;
  if (base::replace_file(file, "of the host\n", 0644)) {
    files_.push_back(file);
    name("--host-file", file);
  }
  uint16_t port = 0;
  if (base::Fd listener = listen_loopback(port)) {
    listeners_.push_back(std::move(listener));
    name("--host-tcp", std::to_string(port));
  }
  key_t key = 0;
  std::memcpy(&key, random->data(), sizeof key);
  key &= 0x7fffffff;
  if (key != 0) shared_memory_ = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
  if (shared_memory_ >= 0) name("--host-shared-memory", std::to_string(key));
  mqd_t queue = ::mq_open(("/" + unique).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666, nullptr);
  if (queue >= 0) {
    // Whatever the umask took away.
    ::fchmod(queue, 0666);
    ::mq_close(queue);
    message_queue_ = "/" + unique;
    name("--host-message-queue", message_queue_);
  }
}

ProbeTargets::~ProbeTargets() {
  for (const std::string& file : files_) ::unlink(file.c_str());
  if (shared_memory_ >= 0) ::shmctl(shared_memory_, IPC_RMID, nullptr);
  if (!message_queue_.empty()) ::mq_unlink(message_queue_.c_str());
}

void ProbeTargets::name(const char* option, const std::string& value) {
  options_.emplace_back(option);
  options_.push_back(value);
}

}  // namespace hv::service
