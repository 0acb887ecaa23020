#include "network/request_path.h"

#include <vector>

namespace hv::network {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_control(int c) {
  return c < 0x20 || c == 0x7f;
}

std::optional<std::string> unescaped(std::string_view path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    auto c = static_cast<unsigned char>(path[i]);
    if (is_control(c) || c == '\\') return std::nullopt;
    if (c != '%') {
      out += path[i];
      continue;
    }
    if (i + 2 >= path.size() || hex(path[i + 1]) < 0 || hex(path[i + 2]) < 0) return std::nullopt;
    int value = hex(path[i + 1]) * 16 + hex(path[i + 2]);
    if (is_control(value) || value == '/' || value == '\\' || value == '%') return std::nullopt;
    if (is_unreserved(value)) {
      out += static_cast<char>(value);
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      out += '%';
      out += kDigits[value / 16];
      out += kDigits[value % 16];
    }
    i += 2;
  }
  return out;
}

}  // namespace

std::optional<std::string> plain_path(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::optional<std::string> text = unescaped(path);
  if (!text) return std::nullopt;
  std::vector<std::string_view> kept;
  std::string_view rest = *text;
  bool is_directory = false;  // the path ends with '/' or a dot segment
  while (!rest.empty()) {
    rest.remove_prefix(1);
    std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(part.size());
    std::string_view bare = part.substr(0, part.find(';'));
    if ((bare == "." || bare == "..") && bare.size() != part.size()) return std::nullopt;
    is_directory = part.empty() || part == "." || part == "..";
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!is_directory) kept.push_back(part);
  }
  std::string plain;
  for (std::string_view part : kept) plain.append("/").append(part);
  if (is_directory) plain += '/';
  return plain;
}

bool lies_below(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  if (path.size() == prefix.size() || prefix.ends_with('/')) return true;
  return path[prefix.size()] == '/' || path[prefix.size()] == ';';
}

}  // namespace hv::network
