// What a sandboxed program writes to the user's terminal. Three promises: the bytes may be cut anywhere, what came out
// once comes out unchanged a second time, and none of the introducers that are always dropped is in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "terminal/detach_keys.h"
#include "terminal/output_filter.h"

namespace {

void promise(bool kept) {
  if (!kept) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  hv::terminal::OutputFilter whole;
  std::string out = whole.feed(bytes);

  hv::terminal::OutputFilter cut;
  size_t middle = size == 0 ? 0 : data[0] % (size + 1);
  std::string parts = cut.feed(bytes.substr(0, middle));
  parts += cut.feed(bytes.substr(middle));
  promise(parts == out);

  hv::terminal::OutputFilter again;
  promise(again.feed(out) == out);
  std::string undo = whole.finish();
  promise(hv::terminal::OutputFilter().feed(undo) == undo);

  for (std::string_view never :
       {"\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1bk", "\x1b]52", "\x1b]0", "\x1b]2;", "\x1b[21t", "\x05"})
    promise(out.find(never) == std::string::npos);

  // Without a detach, everything typed arrives, but for a held beginning of the sequence.
  auto keys = *hv::terminal::DetachKeys::parse("a,a,b");
  auto step = keys.feed(bytes);
  promise(step.detached || bytes.starts_with(step.forward));
  return 0;
}
