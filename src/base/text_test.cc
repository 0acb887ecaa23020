#include "base/text.h"

#include <gtest/gtest.h>

namespace hv::base {
namespace {

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("héllo wörld ✓"), "héllo wörld ✓");
}

TEST(Printable, ShowsWhatWouldMoveTheCursorOrHideText) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");
  EXPECT_EQ(printable("abc\u202etxt.exe"), "abc\\u{202e}txt.exe");
  EXPECT_EQ(printable("a\u200bb"), "a\\u{200b}b");
  EXPECT_EQ(printable("x\U000e0041"), "x\\u{0e0041}");
  EXPECT_EQ(printable("\u009b31m"), "\\x9b31m");
  EXPECT_EQ(printable_lines("a\n\tb\r"), "a\n\tb\\x0d");
}

TEST(Nearest, FindsASlipOfTheHandAndNothingFarAway) {
  std::vector<std::string> words{"inspect", "apply", "discard"};
  EXPECT_EQ(nearest("inpsect", words), "inspect");
  EXPECT_EQ(nearest("aply", words), "apply");
  EXPECT_EQ(nearest("network", words), std::nullopt);
}

TEST(Hex, RoundTripsAndRefusesOtherSpellings) {
  EXPECT_EQ(to_hex(std::string("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(*from_hex("00ff10"), std::string("\x00\xff\x10", 3));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0G"));
  EXPECT_FALSE(from_hex("FF"));
}

TEST(Base64, FollowsTheVectorsOfRfc4648AndHasOneSpellingForEachText) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (auto [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(plain), coded);
    EXPECT_EQ(*from_base64(coded), plain);
  }
  EXPECT_FALSE(from_base64("Zh=="));
  EXPECT_FALSE(from_base64("Zg="));
  EXPECT_FALSE(from_base64("Z=g="));
}

TEST(ShellQuote, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quote("plain-1.txt"), "plain-1.txt");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
}

}  // namespace
}  // namespace hv::base
