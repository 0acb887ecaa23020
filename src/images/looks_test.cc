#include "images/looks.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include "images/fake_host_test.h"

namespace hv::images {
namespace {

class LooksTest : public FakeHost, public testing::Test {
 protected:
  std::string at(const std::string& path) { return top_ + "/" + path; }
  Looks looks_;
};

TEST_F(LooksTest, HoldWhenNothingChanged) {
  program("bin/tool");
  EXPECT_TRUE(looks_.is_program(at("bin/tool")));
  EXPECT_FALSE(looks_.exists(at("bin/other")));
  EXPECT_FALSE(looks_.exists(at("no/such/directory")));
  EXPECT_TRUE(looks_.hold());
}

TEST_F(LooksTest, NoticeWhatWasMissingAndNowIsThere) {
  program("bin/tool");
  looks_.exists(at("bin/other"));
  Looks deeper;
  deeper.exists(at("no/such/place"));
  program("bin/other");
  EXPECT_FALSE(looks_.hold());
  EXPECT_TRUE(deeper.hold());
  file("no/thing");
  EXPECT_FALSE(deeper.hold()) << "the directory that would hold it has come into being";
}

TEST_F(LooksTest, NoticeWhatIsGoneOrAnother) {
  program("bin/tool");
  looks_.is_program(at("bin/tool"));
  program("bin/tool", "another");
  EXPECT_FALSE(looks_.hold());

  Looks moved;
  moved.is_directory(at("bin"));
  std::filesystem::rename(at("bin"), at("old"));
  EXPECT_FALSE(moved.hold());
  program("bin/tool");
  EXPECT_FALSE(moved.hold()) << "another directory of that name";
}

TEST_F(LooksTest, NoticeALinkThatLeadsElsewhere) {
  file("a/x");
  file("b/x");
  link("current", "a");
  looks_.link(at("current"));
  std::filesystem::remove(at("current"));
  link("current", "b");
  EXPECT_FALSE(looks_.hold());
}

TEST_F(LooksTest, ADirectoryOnTheWayMayGetNewEntries) {
  file("home/x");
  looks_.is_directory(at("home"));
  file("home/y");
  EXPECT_TRUE(looks_.hold());
  looks_.at_content(at("home"));
  file("home/z");
  EXPECT_FALSE(looks_.hold());
}

TEST_F(LooksTest, AreUnsettledByWhatHasJustChanged) {
  program("bin/tool");
  looks_.is_program(at("bin/tool"));
  EXPECT_FALSE(looks_.settled());
  Looks old;
  old.is_program("/bin/sh");
  EXPECT_TRUE(old.settled());
}

TEST_F(LooksTest, ALinkThatLeadsNowhereIsNeverSettled) {
  link("dangling", "/nowhere/at/all");
  EXPECT_FALSE(looks_.target(at("dangling")));
  EXPECT_FALSE(looks_.settled());
}

}  // namespace
}  // namespace hv::images
