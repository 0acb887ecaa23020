// The request parser and the target with any bytes in any pieces: what it accepts is within its limits, has no line end
// where a line could be forged, and reads the same whether it came at once or byte by byte.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "http/request_parser.h"
#include "http/target.h"

namespace {

constexpr hv::http::Limits kLimits{4096, 4096};

std::optional<hv::http::Request> parse(std::string_view text, size_t step) {
  hv::http::RequestParser parser(kLimits);
  while (!text.empty() && !parser.complete()) {
    std::string_view piece = text.substr(0, step);
    auto used = parser.feed(piece);
    if (!used) return std::nullopt;
    if (*used > piece.size()) std::abort();
    if (*used < piece.size() && !parser.complete()) std::abort();
    text.remove_prefix(*used);
  }
  if (!parser.complete()) return std::nullopt;
  return parser.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto whole = parse(text, text.size() + 1);
  auto pieces = parse(text, data[0] % 16 + 1);
  if (whole.has_value() != pieces.has_value()) std::abort();
  if (!whole) return 0;
  if (whole->target != pieces->target || whole->body != pieces->body || whole->method != pieces->method) std::abort();
  if (whole->body.size() > kLimits.body || whole->target.find_first_of(" \r\n") != std::string::npos) std::abort();
  if (auto target = hv::http::parse_target(whole->target))
    for (const std::string& segment : target->segments)
      if (segment.empty() || segment == ".." || segment.find('/') != std::string::npos) std::abort();
  return 0;
}
