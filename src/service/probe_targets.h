// Things of the host for probes to aim at: made for one probing, empty, and gone with it. What cannot be made is not
// named, and its probes are then not applicable.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"

namespace hv::service {

class ProbeTargets {
 public:
  // A socket and a file are made in `directory`, which no sandbox sees.
  explicit ProbeTargets(const std::string& directory);
  ~ProbeTargets();
  ProbeTargets(const ProbeTargets&) = delete;
  ProbeTargets& operator=(const ProbeTargets&) = delete;

  // As hydravisor-probe's options (docs/probes.md).
  const std::vector<std::string>& options() const { return options_; }

 private:
  void name(const char* option, const std::string& value);

  std::vector<std::string> options_;
  std::vector<base::Fd> listeners_;
  std::vector<std::string> files_;
  std::string message_queue_;
  int shared_memory_ = -1;
};

}  // namespace hv::service
