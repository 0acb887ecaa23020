#include "init/import_file.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::init {

base::Status import_file(const std::string& path, uint32_t mode, int source) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0)
    return base::Failure(base::invalid_argument("bring in: not a path below a directory: " + path));
  HV_TRY(base::make_directories(path.substr(0, slash), 0755));
  std::string temporary = path.substr(0, slash + 1) + ".hydravisor-import";
  auto copy = [&]() -> base::Status {
    base::Fd target = HV_TRY(base::open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode & 0777));
    std::array<char, 65536> buffer;
    for (off_t offset = 0;;) {
      ssize_t count = ::pread(source, buffer.data(), buffer.size(), offset);
      if (count < 0) return base::Failure(base::Error::from_errno(errno, "bring in", path));
      if (count == 0) break;
      HV_TRY(base::write_all(target.get(), {buffer.data(), static_cast<size_t>(count)}));
      offset += count;
    }
    if (::fchmod(target.get(), mode & 0777) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0)
      return base::Failure(base::Error::from_errno(errno, "bring in", path));
    return {};
  };
  base::Status copied = copy();
  if (!copied) ::unlink(temporary.c_str());
  return copied;
}

}  // namespace hv::init
