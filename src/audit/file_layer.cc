#include "audit/file_layer.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/remove_tree.h"

namespace hv::audit {

ssize_t FileLayer::pwrite(int fd, std::string_view data, off_t offset) {
  return ::pwrite(fd, data.data(), data.size(), offset);
}
int FileLayer::sync(int fd) {
  return ::fdatasync(fd);
}
int FileLayer::truncate(int fd, off_t size) {
  return ::ftruncate(fd, size);
}

base::Status FileLayer::replace(const std::string& path, std::string_view data, bool durable) {
  return durable ? base::write_file_atomically(path, data) : base::replace_file(path, data);
}

base::Status FileLayer::sync_file_system(const std::string& path) {
  base::Fd fd = HV_TRY(base::open_file(path, O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) != 0) return base::Failure(base::Error::from_errno(errno, "sync the file system of", path));
  return {};
}

base::Status FileLayer::make_directories(const std::string& path) {
  return base::make_directories(path);
}
base::Status FileLayer::remove_tree(const std::string& path) {
  return base::remove_tree(path);
}

FileLayer& system_files() {
  static FileLayer files;
  return files;
}

}  // namespace hv::audit
