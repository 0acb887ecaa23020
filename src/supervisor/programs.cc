#include "supervisor/programs.h"

#include <array>
#include <cerrno>

#include <unistd.h>

namespace hv::supervisor {

base::Result<std::string> own_directory() {
  std::array<char, 4096> path;
  ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return base::Failure(base::Error::from_errno(errno, "find this program's directory"));
  std::string_view whole(path.data(), static_cast<size_t>(size));
  return std::string(whole.substr(0, whole.rfind('/')));
}

}  // namespace hv::supervisor
