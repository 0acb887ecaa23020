#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace hv::base {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "hydravisor: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace hv::base
