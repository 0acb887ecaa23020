// /etc inside: one directory, assembled once from what is harmless in the host's and kept until the host's changes. One
// read-only bind then stands for some fifty, which would cost a start half a millisecond.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace hv::images {

struct EtcRequest {
  std::string host_root;  // before "/etc"; empty but in tests
  std::string cache;      // directory that keeps the assembled ones
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string user;
  std::string home;   // inside
  std::string shell;  // inside
};

// The assembled directory. Copied are only files that everybody may read on the host, from a list that names no
// secrets; passwd, group, nsswitch.conf and machine-id are written anew. hosts, hostname and resolv.conf are links into
// /.sandbox, where each sandbox has its own.
base::Result<std::string> assemble_etc(const EtcRequest& request);

}  // namespace hv::images
