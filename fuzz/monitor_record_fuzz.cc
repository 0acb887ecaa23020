// A record of the monitor as it lies in the spool. Promises: whatever decodes encodes to the same bytes, and becomes an
// event whose payload is JSON that our strict parser takes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "monitor/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto record = hv::monitor::decode(bytes);
  if (!record) return 0;
  if (hv::monitor::encode(*record) != bytes) std::abort();
  hv::core::Event event = hv::monitor::to_event(*record);
  if (!hv::base::json::parse(hv::base::json::serialize(event.payload))) std::abort();
  return 0;
}
