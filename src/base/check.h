// HV_CHECK ends the process when one of our own invariants is broken. Never for input.
#pragma once

namespace hv::base {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define HV_CHECK(condition)                                     \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::hv::base::check_failed(#condition, __FILE__, __LINE__); \
  } while (0)
