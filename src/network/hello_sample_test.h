// TLS hellos put together from their parts, for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "network/big_endian.h"

namespace hv::network::sample {

inline std::string vector8(std::string_view body) {
  return std::string(1, static_cast<char>(body.size())).append(body);
}

inline std::string vector16(std::string_view body) {
  std::string out;
  put16(out, body.size());
  return out.append(body);
}

inline std::string extension(uint16_t type, std::string_view body) {
  std::string out;
  put16(out, type);
  return out.append(vector16(body));
}

inline std::string server_name(std::string_view name) {
  return extension(0, vector16(std::string(1, '\0') + vector16(name)));
}

// The message without its records.
inline std::string message(std::string_view extensions, std::string_view version = "\3\3") {
  std::string body(version);
  body.append(32, 'r').append(vector8("session")).append(vector16("\x13\x01\x13\x02")).append(vector8({"\0", 1}));
  body.append(extensions);
  return std::string("\1") + std::string(1, '\0') + vector16(body);
}

// In records of at most `size` bytes.
inline std::string records(std::string_view message, size_t size = 1 << 14) {
  std::string out;
  for (; !message.empty(); message.remove_prefix(std::min(size, message.size())))
    out.append("\x16\3\1").append(vector16(message.substr(0, size)));
  return out;
}

inline std::string hello(std::string_view extensions) {
  return records(message(vector16(extensions)));
}

}  // namespace hv::network::sample
