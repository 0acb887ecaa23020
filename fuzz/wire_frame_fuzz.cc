// The frame decoder with any bytes in any pieces: the same frames either way, none longer than the limit, and encoded
// again the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/frame.h"

namespace {

std::string decode(std::string_view text, size_t step) {
  hv::wire::FrameDecoder decoder;
  std::string again;
  while (!text.empty()) {
    std::string_view piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    decoder.feed(piece);
    while (true) {
      auto frame = decoder.next();
      if (!frame) return again + "!";
      if (!*frame) break;
      if ((*frame)->payload.size() > hv::wire::kFrameLimit) std::abort();
      hv::wire::append_frame(again, (*frame)->type, (*frame)->payload);
      (void)hv::wire::decode_exit((*frame)->payload);
      (void)hv::wire::decode_resize((*frame)->payload);
    }
  }
  return again;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string whole = decode(text, text.size() + 1);
  if (whole != decode(text, data[0] % 16 + 1)) std::abort();
  std::string_view frames = whole;
  if (frames.ends_with('!') && !text.starts_with(frames)) frames.remove_suffix(1);
  if (!text.starts_with(frames)) std::abort();
  return 0;
}
