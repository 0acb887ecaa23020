// What an archive's writer and its reader agree upon; grammar in docs/ledger-format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/frame.h"

namespace hv::audit::archive_layout {

constexpr std::string_view kMagic = "HVARCH1\n";
constexpr size_t kFixed = 8 + kSegmentHeaderSize + 8;  // magic, segment's header, blocks, zero
constexpr size_t kTableEntry = 12;
constexpr size_t kMaxRecords = 256;
constexpr size_t kMaxBlock = size_t{8} << 20;  // what a reader unpacks

inline void put(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}
inline uint32_t get(std::string_view bytes, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  return value;
}

}  // namespace hv::audit::archive_layout
