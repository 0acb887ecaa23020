// What seccomp calls this machine. seccomp(2)
#pragma once

#include <cstdint>

#include <linux/audit.h>

namespace hv::isolation {

#if defined(__x86_64__)
inline constexpr uint32_t native_architecture = AUDIT_ARCH_X86_64;
// Set in the number of a call of the x32 interface, which has the same architecture.
inline constexpr uint32_t x32_bit = 0x40000000;
#elif defined(__aarch64__)
inline constexpr uint32_t native_architecture = AUDIT_ARCH_AARCH64;
inline constexpr uint32_t x32_bit = 0;
#else
#error "the system-call filters need this architecture's audit number"
#endif

}  // namespace hv::isolation
