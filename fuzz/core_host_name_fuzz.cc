// Hosts with any bytes: what is accepted is either a name or an address, is the same when it is read again, and goes
// over the wire of DNS; a refusal can be shown.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "core/host_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  hv::base::Result<hv::core::Host> host = hv::core::parse_host(text);
  if (!host) {
    if (hv::base::printable(host.error().message()) != host.error().message()) std::abort();
  } else {
    if (host->name.empty() != host->address.has_value() || host->name.size() > hv::core::kLongestName) std::abort();
    hv::base::Result<hv::core::Host> again = hv::core::parse_host(host->text());
    if (!again || *again != *host) std::abort();
  }
  hv::base::Result<hv::core::HostPort> pair = hv::core::parse_host_port(text, 80);
  if (pair && pair->port == 0) std::abort();
  // Without a port both read the same host.
  if (pair && host && pair->host != *host) std::abort();
  return 0;
}
