// The worker's request, the worker's answer, and the journal's and diff's text forms that come back from disk.
#include <cstdint>
#include <string_view>

#include "workspace/diff.h"
#include "workspace/request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hv::workspace;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto request = parse_request(text)) {
    auto again = parse_request(to_text(*request));
    if (!again || again->places.host != request->places.host) __builtin_trap();
  }
  static_cast<void>(parse_answer(text));
  // A hunk that does not fit must be refused, never read past the end.
  hv::core::Hunk hunk;
  hunk.old_start = size > 0 ? data[0] : 0;
  hunk.old_lines = 1;
  hunk.lines.push_back({hv::core::DiffLine::Kind::context, std::string(text.substr(0, size / 2)), size % 2 == 0});
  static_cast<void>(apply_hunks(text, {hunk}, {0}));
  return 0;
}
