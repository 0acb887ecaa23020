#include "base/random.h"

#include <cerrno>

#include <sys/random.h>

namespace hv::base {

Result<std::string> random_bytes(size_t count) {
  std::string bytes(count, '\0');
  size_t have = 0;
  while (have < count) {
    ssize_t got = ::getrandom(bytes.data() + have, count - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failure(Error::from_errno(errno, "read random bytes"));
    have += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace hv::base
