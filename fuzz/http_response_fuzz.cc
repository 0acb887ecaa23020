// The client's reader with any bytes in any pieces: it never reads past the answer's end and comes to the same answer
// either way.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/response_reader.h"
#include "http/sse.h"

namespace {

struct Outcome {
  bool failed = false;
  bool complete = false;
  std::string body;
};

Outcome read(std::string_view text, size_t step) {
  hv::http::ResponseReader reader;
  Outcome outcome;
  while (!text.empty() && !outcome.failed) {
    std::string_view piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    outcome.failed = !reader.feed(piece).has_value();
    outcome.body += reader.take_body();
  }
  outcome.complete = reader.complete();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Outcome whole = read(text, text.size() + 1);
  Outcome pieces = read(text, data[0] % 16 + 1);
  if (whole.failed != pieces.failed || whole.complete != pieces.complete) std::abort();
  if (!whole.failed && whole.body != pieces.body) std::abort();
  hv::http::SseParser events;
  events.feed(whole.body);
  while (true) {
    auto event = events.next();
    if (!event || !*event) break;
  }
  return 0;
}
