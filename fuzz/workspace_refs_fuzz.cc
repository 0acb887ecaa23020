// What an agent can write into a repository's ref files, HEAD and names.
#include <cstdint>
#include <string_view>

#include "workspace/bytes.h"
#include "workspace/git_refs.h"
#include "workspace/hazard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hv::workspace;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string branch = branch_of(text);
  if (!branch.empty() && !is_transferable_ref(branch)) __builtin_trap();
  if (is_object_id(text) && is_transferable_ref(text)) __builtin_trap();
  auto back = decode_bytes(encode_bytes(text));
  if (!back || *back != text) __builtin_trap();
  if (auto decoded = decode_bytes(text); decoded && decode_bytes(encode_bytes(*decoded)) != *decoded) __builtin_trap();
  classify_path(text);
  // A target that climbs further than its place is deep must be seen.
  if (text.find('\0') == std::string_view::npos && text.starts_with("../") && !leads_out("l", text)) __builtin_trap();
  return 0;
}
