// For tests: a record that no ledger of this version would write, put behind a journal whose ledger is closed.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "audit/frame.h"
#include "audit/segment.h"

namespace hv::audit {

inline void append_raw(const std::string& ledger, std::string_view envelope, std::string_view payload) {
  std::string frame;
  append_frame(frame, envelope, std::string(kSaltSize, 's'), payload);
  std::ofstream(list_segments(ledger)->back().path, std::ios::binary | std::ios::app) << frame;
}

}  // namespace hv::audit
