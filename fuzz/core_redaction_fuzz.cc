// Texts with any bytes: what was redacted once holds nothing to redact, and as words of a command line neither.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "core/redaction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::string original = text;
  size_t count = hv::core::redact_text(text);
  if (count == 0 && text != original) std::abort();
  std::vector<std::string> words = hv::base::split(original, ' ');
  if (hv::core::redact_arguments(words) == 0 && hv::base::join(words, " ") != original) std::abort();
  return 0;
}
