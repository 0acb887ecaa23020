// A sandbox made exactly like another, in which nothing runs: what is found out there by probing is true of the other
// one, and no agent is at hand to spoil or to forge it.
#pragma once

#include <string>
#include <vector>

#include "core/proof.h"

namespace hv::service {

struct Twin {
  std::string id;
  std::string name;
  core::ProofSubject subject;
  bool nested = false;
  bool own_root = false;
  std::vector<std::string> layers;  // "layer: detail"
  std::vector<std::string> degraded;
};

}  // namespace hv::service
