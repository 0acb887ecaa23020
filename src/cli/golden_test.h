// Expected texts as files beside the tests: testdata/NAME.txt. With UPDATE_GOLDEN=1 in the environment they are written
// instead.
#pragma once

#include <cstdlib>
#include <string>

#include "base/fd.h"

namespace hv::cli {

// What `text` should be: EXPECT_EQ(text, golden("ls_80", text)).
inline std::string golden(const std::string& name, const std::string& text) {
  std::string path = std::string(HYDRAVISOR_SOURCE_DIR) + "/src/cli/testdata/" + name + ".txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    auto written = base::replace_file(path, text, 0644);
    return written ? text : written.error().text();
  }
  auto expected = base::read_file(path);
  return expected ? *expected : path + " is missing; write it with UPDATE_GOLDEN=1";
}

}  // namespace hv::cli
