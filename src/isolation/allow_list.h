// The system-call filter of a process of Hydravisor's own: what it needs is listed, every other call answers EPERM.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hv::isolation {

// A call of which an argument decides. Only the low half of it is looked at, as by the kernel in an int.
struct NarrowCall {
  long call;
  size_t argument;
  std::vector<uint32_t> values;
  enum class Rule { only_these, all_but_these } rule = Rule::only_these;
};

// For install_filter. A call of another architecture ends the process.
std::string allow_only(std::span<const long> calls, std::span<const NarrowCall> narrow = {});

}  // namespace hv::isolation
