// Expected texts as files beside the tests: testdata/NAME.txt. With UPDATE_GOLDEN=1 in the environment a test writes
// them instead.
#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace hv::cli {

inline void expect_golden(const std::string& name, const std::string& text) {
  std::string path = std::string(HYDRAVISOR_SOURCE_DIR) + "/src/cli/testdata/" + name + ".txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(base::replace_file(path, text, 0644).has_value()) << path;
    return;
  }
  auto expected = base::read_file(path);
  ASSERT_TRUE(expected.has_value()) << path << " is missing; write it with UPDATE_GOLDEN=1";
  EXPECT_EQ(text, *expected) << name;
}

}  // namespace hv::cli
