// Bodies with any bytes in any pieces: the same end either way; and of a chunked body that is accepted, a reader that
// works quite differently finds the same content.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "network/http_body.h"

namespace {

using namespace hv::network;
using State = HttpBodyReader::State;

void require(bool claim) {
  if (!claim) std::abort();
}

size_t read(HttpBodyReader& reader, std::string_view text, size_t step) {
  size_t used = 0;
  while (used < text.size() && reader.state() == State::need_more) {
    std::string_view piece = text.substr(used, step);
    size_t taken = reader.feed(piece);
    require(taken <= piece.size());
    require(taken == piece.size() || reader.state() != State::need_more);
    used += taken;
  }
  return used;
}

// As lenient servers do it: strtoull on each line, chunks until one of size 0.
uint64_t lenient_content(const std::string& body) {
  uint64_t content = 0;
  for (size_t at = 0;;) {
    size_t end = body.find('\n', at);
    require(end != std::string::npos);
    uint64_t size = std::strtoull(body.substr(at, end - at).c_str(), nullptr, 16);
    if (size == 0) return content;
    content += size;
    at = end + 1 + size + 2;
    require(at <= body.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  HttpFraming framing{static_cast<HttpFraming::Kind>(data[1] % 5), data[1]};
  // Chunks are what is worth most tries.
  if (data[1] >= 0x20) framing = {HttpFraming::Kind::chunked, 0};
  HttpBodyReader whole(framing);
  HttpBodyReader pieces(framing);
  size_t used = read(whole, text, text.size() + 1);
  require(used == read(pieces, text, data[0] % 16 + 1));
  require(whole.state() == pieces.state() && whole.content() == pieces.content() && whole.reason() == pieces.reason());
  require((whole.state() == State::refused) == !whole.reason().empty());
  require(whole.content() <= used);
  if (framing.kind == HttpFraming::Kind::chunked && whole.state() == State::complete) {
    std::string body(text.substr(0, used));
    require(lenient_content(body) == whole.content());
    require(body.ends_with("\r\n"));
  }
  return 0;
}
