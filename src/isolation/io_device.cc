#include "isolation/io_device.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/format.h"

namespace hv::isolation {

IoDevice find_io_device(const std::string& path) {
  struct stat about{};
  std::string existing = path;
  while (::stat(existing.c_str(), &about) != 0) {
    size_t slash = existing.rfind('/');
    if (errno != ENOENT || slash == std::string::npos || existing == "/")
      return {.number = {}, .reason = "the state directory cannot be looked at"};
    existing.resize(std::max<size_t>(slash, 1));
  }
  std::string number = base::format("{}:{}", major(about.st_dev), minor(about.st_dev));
  std::string link = "/sys/dev/block/" + number;
  char resolved[PATH_MAX];
  if (::realpath(link.c_str(), resolved) == nullptr)
    return {.number = {},
            .reason = "the state directory lies on no disk of its own (tmpfs, overlay, btrfs, zfs, a network)"};
  std::string directory = resolved;
  if (!base::path_exists(directory + "/partition")) return {.number = number, .reason = {}};
  auto whole = base::read_file(directory.substr(0, directory.rfind('/')) + "/dev", 64);
  if (!whole) return {.number = {}, .reason = "the disk of the partition " + number + " cannot be found"};
  return {.number = whole->substr(0, whole->find('\n')), .reason = {}};
}

}  // namespace hv::isolation
