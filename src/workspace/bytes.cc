#include "workspace/bytes.h"

#include <algorithm>

#include "base/text.h"

namespace hv::workspace {

using base::Failure;
using base::Result;
using base::Status;

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none.
static size_t sequence_length(std::string_view text) {
  auto lead = static_cast<unsigned char>(text[0]);
  size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size() || !base::is_valid_utf8(text.substr(0, length))) return 0;
  return length;
}

std::string encode_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t length = sequence_length(bytes);
    if (bytes[0] == '\\') {
      text += "\\\\";
    } else if (length == 0) {
      text += "\\x" + base::to_hex(bytes.substr(0, 1));
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

Result<std::string> decode_bytes(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '\\') {
      bytes += '\\';
      at += 1;
    } else if (at + 3 < text.size() && text[at + 1] == 'x') {
      bytes += HV_TRY_CONTEXT(base::from_hex(text.substr(at + 2, 2)), "escaped file name");
      at += 3;
    } else {
      return Failure(base::invalid_argument("escaped file name: a backslash must begin \\\\ or \\xHH"));
    }
  }
  return bytes;
}

Status check_relative_path(std::string_view path) {
  auto refuse = [&](const char* why) {
    return Failure(base::invalid_argument("path '" + base::printable(path) + "': " + why));
  };
  if (path.empty()) return refuse("empty");
  if (path.find('\0') != std::string_view::npos) return refuse("contains a NUL byte");
  for (const std::string& part : base::split(path, '/'))
    if (part.empty() || part == "." || part == "..")
      return refuse("must be relative, without empty, '.' or '..' parts");
  return {};
}

bool too_deep(std::string_view path) {
  constexpr size_t longest_path = 4000;
  constexpr std::ptrdiff_t deepest_path = 256;
  return path.size() > longest_path || std::ranges::count(path, '/') > deepest_path;
}

bool covers(std::string_view prefix, std::string_view path) {
  if (prefix.empty()) return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string_view parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string join_path(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  return std::string(directory) + "/" + std::string(name);
}

}  // namespace hv::workspace
