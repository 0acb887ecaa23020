#include "config/server_address.h"

#include <gtest/gtest.h>

namespace hv::config {
namespace {

TEST(ServerAddress, IsReadFromEveryFormThatToolsWrite) {
  struct Line {
    std::string_view text;
    std::string_view host;
    uint16_t port;
  };
  constexpr Line kLines[] = {
      {"https://Example.org/simple", "example.org", 443},
      {"http://example.org", "example.org", 80},
      {"https://user:pass%40word@example.org:8443/x?y", "example.org", 8443},
      {"sparse+https://example.org/index/", "example.org", 443},
      {"git+ssh://git@example.org/a.git", "example.org", 22},
      {"ssh://git@example.org:2222/a.git", "example.org", 2222},
      {"git://example.org/a.git", "example.org", 9418},
      {"https://[2001:db8::1]:8443/x", "2001:db8::1", 8443},
      {"git@example.org:team/a.git", "example.org", 22},
      {"example.org:a.git", "example.org", 22},
      {"git@[2001:db8::1]:a.git", "2001:db8::1", 22},
  };
  for (const Line& line : kLines)
    EXPECT_EQ(server_of_remote(line.text), (Server{std::string(line.host), line.port})) << line.text;
}

TEST(ServerAddress, IsNothingForPathsAndOtherThings) {
  for (const char* text :
       {"", "/srv/a.git", "../a.git", "./a:b", "a/b:c", "file:///srv/a.git", "ext::sh -c x", ":a", "https://",
        "https:///x", "https://a b/", "weird://example.org", "https://example.org:0/", "C", "codecommit::eu://x"})
    EXPECT_EQ(server_of_remote(text), std::nullopt) << text;
  EXPECT_EQ(server_of_url("git@example.org:a.git"), std::nullopt);
}

}  // namespace
}  // namespace hv::config
