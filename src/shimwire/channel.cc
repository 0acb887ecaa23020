#include "shimwire/channel.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unix_socket.h"

namespace hv::shimwire {

namespace {

// Below the kernel's default send buffer with room for its own accounting.
constexpr size_t kInline = 96 * 1024;
constexpr size_t kLargest = size_t{16} << 20;
constexpr char kInlineMark = 'i';
constexpr char kMemoryMark = 'm';

base::Result<base::Fd> in_memory(std::string_view body) {
  base::Fd memory(::memfd_create("hydravisor-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return base::Failure(base::Error::from_errno(errno, "make a memory file for a message"));
  HV_TRY(base::write_all(memory.get(), body));
  // Sealed, so that a length that was checked stays true.
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return base::Failure(base::Error::from_errno(errno, "seal a message"));
  return memory;
}

base::Result<std::string> from_memory(int fd) {
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  struct stat about{};
  if (::fcntl(fd, F_GET_SEALS) < 0 || (::fcntl(fd, F_GET_SEALS) & kSeals) != kSeals || ::fstat(fd, &about) != 0 ||
      static_cast<size_t>(about.st_size) > kLargest)
    return base::Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
  std::string body(static_cast<size_t>(about.st_size), '\0');
  if (::pread(fd, body.data(), body.size(), 0) != about.st_size)
    return base::Failure(base::Error::from_errno(errno, "read a message"));
  return body;
}

}  // namespace

base::Status send_packet(int socket, uint8_t type, std::string_view body, const std::vector<int>& fds) {
  std::string packet(1, static_cast<char>(type));
  std::vector<int> all = fds;
  base::Fd memory;
  if (body.size() <= kInline) {
    packet.push_back(kInlineMark);
    packet.append(body);
  } else {
    packet.push_back(kMemoryMark);
    memory = HV_TRY(in_memory(body));
    all.push_back(memory.get());
  }
  return base::send_message(socket, packet, all);
}

base::Result<Packet> receive_packet(int socket) {
  base::Message message = HV_TRY(base::receive_message(socket, kInline + 2));
  if (message.data.empty()) return base::Failure(base::not_found("the other process has closed the connection"));
  if (message.data.size() < 2)
    return base::Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
  Packet packet{static_cast<uint8_t>(message.data[0]), {}, std::move(message.fds)};
  if (message.data[1] == kInlineMark) {
    packet.body = message.data.substr(2);
    return packet;
  }
  if (message.data[1] != kMemoryMark || message.data.size() != 2 || packet.fds.empty())
    return base::Failure(base::invalid_argument("malformed message between Hydravisor's processes"));
  base::Fd memory = std::move(packet.fds.back());
  packet.fds.pop_back();
  packet.body = HV_TRY(from_memory(memory.get()));
  return packet;
}

}  // namespace hv::shimwire
