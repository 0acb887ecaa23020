// The disk that a directory lies on, as the io controller names it.
#pragma once

#include <string>

namespace hv::isolation {

struct IoDevice {
  std::string number;  // "254:0", of the whole disk: partitions cannot be limited
  std::string reason;  // set when `number` is empty, for people
};
// `path` may not exist yet: then its nearest parent that does counts.
IoDevice find_io_device(const std::string& path);

}  // namespace hv::isolation
