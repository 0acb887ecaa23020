#include "network/request_path.h"

#include <gtest/gtest.h>

namespace hv::network {
namespace {

TEST(RequestPath, HasOneFormForEverySpelling) {
  constexpr std::pair<std::string_view, std::string_view> kPaths[] = {
      {"/", "/"},           {"/a", "/a"},           {"/a/", "/a/"},           {"//a///b", "/a/b"},
      {"/a/./b", "/a/b"},   {"/a/../b", "/b"},      {"/../../b", "/b"},       {"/a/..", "/"},
      {"/a/b/.", "/a/b/"},  {"/%61%2d%7e", "/a-~"}, {"/a%2e%2e/b", "/a../b"}, {"/x/%2E%2e/b", "/b"},
      {"/a%20b", "/a%20b"}, {"/%c3%bc", "/%C3%BC"}, {"/a;x=1/b", "/a;x=1/b"}, {"/\xc3\xbc", "/\xc3\xbc"},
  };
  for (auto [written, plain] : kPaths) EXPECT_EQ(plain_path(written), plain) << written;
}

TEST(RequestPath, HasNoFormWhereServersDisagree) {
  for (std::string_view path : {"", "*", "a", "http://a/", "/a%2fb", "/a%5Cb", "/a\\b", "/a%00", "/a%", "/a%2", "/a%zz",
                                "/%252e", "/a\tb", "/..;/b", "/a/.;x/b", "/a%0d%0a"})
    EXPECT_EQ(plain_path(path), std::nullopt) << path;
}

TEST(RequestPath, LiesBelowWholePartsOnly) {
  for (std::string_view path : {"/v1", "/v1/", "/v1/x", "/v1;a"}) EXPECT_TRUE(lies_below(path, "/v1")) << path;
  for (std::string_view path : {"/v10", "/v", "/", "/x/v1"}) EXPECT_FALSE(lies_below(path, "/v1")) << path;
  EXPECT_TRUE(lies_below("/anything", "/"));
  EXPECT_TRUE(lies_below("/v1/x", "/v1/"));
  EXPECT_FALSE(lies_below("/v1", "/v1/"));
}

}  // namespace
}  // namespace hv::network
