#include "http/target.h"

#include "base/text.h"

namespace hv::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument("request target: " + std::string(what)));
}

base::Result<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte <= ' ' || byte >= 0x7f) return bad("a character that must be escaped");
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return bad("'%' without two hexadecimal digits");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (out.find('\0') != std::string::npos) return bad("a NUL character");
  if (!base::is_valid_utf8(out)) return bad("not UTF-8");
  return out;
}

}  // namespace

std::optional<std::string> Target::value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

base::Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/') return bad("must start with '/'");
  if (text.find('#') != std::string_view::npos) return bad("a fragment");
  Target target;
  size_t question = text.find('?');
  std::string_view path = text.substr(0, question);
  for (const std::string& raw : base::split(path.substr(1), '/')) {
    std::string segment = HV_TRY(decode(raw));
    // No route has an empty segment, and a name never is a path: what decodes to a separator or to dots is not looked
    // up anywhere.
    if (segment.empty() || segment == "." || segment == ".." || segment.find('/') != std::string::npos)
      return bad("an empty, dot or slash segment");
    target.segments.push_back(std::move(segment));
  }
  if (question == std::string_view::npos) return target;
  for (const std::string& pair : base::split(text.substr(question + 1), '&')) {
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    std::string name = HV_TRY(decode(pair.substr(0, equals)));
    std::string value = HV_TRY(decode(equals == std::string::npos ? std::string() : pair.substr(equals + 1)));
    target.query.emplace_back(std::move(name), std::move(value));
  }
  return target;
}

std::string escape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace hv::http
