// Numbers as DNS and TLS have them: most significant byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hv::network {

constexpr uint16_t read16(std::string_view text, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(text[at]) << 8 | static_cast<uint8_t>(text[at + 1]));
}

constexpr uint32_t read32(std::string_view text, size_t at) {
  return static_cast<uint32_t>(read16(text, at)) << 16 | read16(text, at + 2);
}

// The lower 16 bits of `value`.
inline void put16(std::string& out, size_t value) {
  out.push_back(static_cast<char>(value >> 8 & 0xff));
  out.push_back(static_cast<char>(value & 0xff));
}

inline void put32(std::string& out, uint32_t value) {
  put16(out, value >> 16);
  put16(out, value);
}

}  // namespace hv::network
