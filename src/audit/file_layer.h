// Every write of the ledger goes through here, so that a test can fail the n-th one, cut it short or tear it.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/fd.h"

namespace hv::audit {

class FileLayer {
 public:
  virtual ~FileLayer() = default;
  // As pwrite(2), fdatasync(2) and ftruncate(2): -1 and errno on failure; pwrite may write less.
  virtual ssize_t pwrite(int fd, std::string_view data, off_t offset);
  virtual int sync(int fd);
  virtual int truncate(int fd, off_t size);
  // Whole files, replaced so that a reader sees the old or the new one. `durable` waits for the disk.
  virtual base::Status replace(const std::string& path, std::string_view data, bool durable);
  // Everything written below `path` so far.
  virtual base::Status sync_file_system(const std::string& path);
  virtual base::Status make_directories(const std::string& path);
  virtual base::Status remove_tree(const std::string& path);
};

// The machine's files; lives for ever.
FileLayer& system_files();

}  // namespace hv::audit
