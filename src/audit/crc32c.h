// CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds torn and rotten records. It proves nothing against a person; the
// tree does that.
#pragma once

#include <cstdint>
#include <string_view>

namespace hv::audit {

// Continue over several pieces by passing the previous result as `crc`.
uint32_t crc32c(std::string_view data, uint32_t crc = 0);

}  // namespace hv::audit
