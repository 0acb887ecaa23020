#include "daemon/own_program.h"

#include <array>
#include <cerrno>

#include <unistd.h>

#include "base/fd.h"

namespace hv::daemon {

base::Result<std::string> own_directory() {
  std::array<char, 4096> path;
  ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return base::Failure(base::Error::from_errno(errno, "find this program's directory"));
  std::string beside(path.data(), static_cast<size_t>(size));
  beside.resize(beside.rfind('/'));
  if (base::path_exists(beside + "/hydravisor-supervisor")) return beside;
  return base::Failure(base::not_found("hydravisor-supervisor is not in " + beside)
                           .with_hint("the installation is incomplete: build or install it again"));
}

std::string own_apparmor_profile(const std::string& directory) {
  // PREFIX/lib/hydravisor, and PREFIX/share beside it.
  std::string prefix = directory.substr(0, directory.rfind("/lib/"));
  std::string profile = prefix + "/share/hydravisor/apparmor/hydravisor";
  return base::path_exists(profile) ? profile : "";
}

}  // namespace hv::daemon
