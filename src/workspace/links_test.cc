#include "workspace/links.h"

#include <map>

#include <gtest/gtest.h>

#include "base/text.h"

namespace hv::workspace {
namespace {

std::string way(std::map<std::string, std::string> links, std::string_view path) {
  LinkReader read = [&](const std::string& at) {
    auto found = links.find(at);
    return found == links.end() ? std::nullopt : std::optional(found->second);
  };
  return base::join(places_on_the_way("/w", read, path), " ");
}

TEST(Links, NameEveryPlaceThatCounts) {
  EXPECT_EQ(way({}, "/w/a/b"), "a/b");
  EXPECT_EQ(way({{"/w/a", "b"}, {"/w/b", "/w/c"}}, "/w/a/f"), "a b c/f");
  EXPECT_EQ(way({}, "/w/a/../../x/../w/b"), "b");
  EXPECT_EQ(way({}, "/w"), "");
  EXPECT_EQ(way({}, "/other/w"), "");
}

TEST(Links, OutsideAreFollowedIn) {
  EXPECT_EQ(way({{"/tmp/l", "/w/a"}}, "/tmp/l"), "a");
  EXPECT_EQ(way({{"/tmp/d", "../w"}}, "/tmp/d/x"), "x");
  EXPECT_EQ(way({{"/dev/fd", "/proc/self/fd"}, {"/proc/self", "/proc/7"}, {"/proc/7/fd/3", "/w/f"}}, "/dev/fd/3"), "f");
}

TEST(Links, InACircleEnd) {
  EXPECT_FALSE(way({{"/w/a", "b"}, {"/w/b", "a"}}, "/w/a").empty());
}

}  // namespace
}  // namespace hv::workspace
