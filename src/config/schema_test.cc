#include "config/schema.h"

#include <gtest/gtest.h>

#include "base/fd.h"

namespace hv::config {
namespace {

// functional/configuration_test.py holds it against the parser, with a validator of other hands.
TEST(Schema, IsThePublishedOne) {
  std::string published = *base::read_file(HYDRAVISOR_SOURCE_DIR "/docs/config.schema.json");
  EXPECT_EQ(base::json::serialize_pretty(schema()) + "\n", published)
      << "to publish it: hydravisor config schema > docs/config.schema.json";
}

}  // namespace
}  // namespace hv::config
