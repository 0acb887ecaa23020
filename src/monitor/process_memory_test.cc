#include "monitor/process_memory.h"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace hv::monitor {
namespace {

// Three pages of which the last is a hole.
class Memory : public testing::Test {
 protected:
  void SetUp() override {
    base = static_cast<char*>(::mmap(nullptr, 3 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(base, MAP_FAILED);
    ASSERT_EQ(::munmap(base + 2 * size, size), 0);
  }
  void TearDown() override { ::munmap(base, 2 * size); }
  // Puts text so that it ends `before_end` bytes before the hole, and returns its address.
  uint64_t put_at_end(const std::string& text, size_t before_end) {
    char* start = base + 2 * size - before_end - text.size();
    std::memcpy(start, text.data(), text.size());
    return reinterpret_cast<uint64_t>(start);
  }
  static constexpr size_t size = 4096;
  char* base = nullptr;
};

TEST_F(Memory, GivesAStringThatEndsRightBeforeAHole) {
  ClaimedString string = read_string(::getpid(), put_at_end("/bin/sh", 1), 4096);
  EXPECT_EQ(string.text, "/bin/sh");
  EXPECT_FALSE(string.truncated || string.unreadable);
}

TEST_F(Memory, GivesWhatLiesBeforeAHoleAndSaysSo) {
  ClaimedString string = read_string(::getpid(), put_at_end("/bin/sh", 0), 4096);
  EXPECT_EQ(string.text, "/bin/sh");
  EXPECT_TRUE(string.unreadable);
}

TEST_F(Memory, CutsAStringAtTheBound) {
  std::string text(3000, 'a');
  ClaimedString string = read_string(::getpid(), put_at_end(text, 1), 1000);
  EXPECT_EQ(string.text, std::string(1000, 'a'));
  EXPECT_TRUE(string.truncated);
  EXPECT_EQ(read_string(::getpid(), put_at_end(text, 1), 4096).text, text) << "over a page border";
}

TEST_F(Memory, SurvivesAddressesThatAreNowhere) {
  for (uint64_t address : {uint64_t{0}, uint64_t{1}, UINT64_MAX, UINT64_MAX - 100, uint64_t{1} << 63}) {
    EXPECT_TRUE(read_string(::getpid(), address, 4096).unreadable) << address;
    if (address != 0) EXPECT_TRUE(read_strings(::getpid(), address, 64, 4096).unreadable) << address;
  }
}

TEST_F(Memory, GivesArgumentsInTheirOrderWhateverTheirLength) {
  std::string longer(1000, 'x');
  std::vector<const char*> argv{"ls", "", longer.c_str(), "-l", nullptr};
  ClaimedStrings strings = read_strings(::getpid(), reinterpret_cast<uint64_t>(argv.data()), 64, 4096);
  EXPECT_EQ(strings.texts, (std::vector<std::string>{"ls", "", longer, "-l"}));
  EXPECT_FALSE(strings.truncated || strings.unreadable);
}

TEST_F(Memory, KeepsWithinTheBoundsOfCountAndSize) {
  std::vector<const char*> many(1000, "a");
  many.push_back(nullptr);
  ClaimedStrings strings = read_strings(::getpid(), reinterpret_cast<uint64_t>(many.data()), 64, 4096);
  EXPECT_EQ(strings.texts.size(), 64);
  EXPECT_TRUE(strings.truncated);
  std::string large(100'000, 'x');
  std::vector<const char*> heavy(1000, large.c_str());
  heavy.push_back(nullptr);
  strings = read_strings(::getpid(), reinterpret_cast<uint64_t>(heavy.data()), 64, 4096);
  size_t size = 0;
  for (const std::string& text : strings.texts) size += text.size();
  EXPECT_LT(size, 4096U + 64 * 80);
  EXPECT_TRUE(strings.truncated);
}

TEST_F(Memory, KeepsTheEndOfAnArgumentThatIsTooLong) {
  std::string padded = "begin" + std::string(100'000, ' ') + "what is really run";
  std::vector<const char*> argv{"sh", "-c", padded.c_str(), "zero", nullptr};
  ClaimedStrings strings = read_strings(::getpid(), reinterpret_cast<uint64_t>(argv.data()), 64, 4096);
  ASSERT_EQ(strings.texts.size(), 4U);
  EXPECT_TRUE(strings.texts[2].starts_with("begin"));
  EXPECT_TRUE(strings.texts[2].ends_with("what is really run"));
  EXPECT_NE(strings.texts[2].find("bytes left out"), std::string::npos);
  EXPECT_EQ(strings.texts[3], "zero");
  EXPECT_TRUE(strings.truncated);
}

TEST_F(Memory, GivesTheArgumentsThatCanBeReadAroundOneThatCannot) {
  std::vector<const char*> argv{"first", reinterpret_cast<const char*>(16), "third", nullptr};
  ClaimedStrings strings = read_strings(::getpid(), reinterpret_cast<uint64_t>(argv.data()), 64, 4096);
  EXPECT_EQ(strings.texts, (std::vector<std::string>{"first", "", "third"}));
  EXPECT_TRUE(strings.unreadable);
}

TEST_F(Memory, TakesANullArgvForNoArguments) {
  ClaimedStrings strings = read_strings(::getpid(), 0, 64, 4096);
  EXPECT_TRUE(strings.texts.empty());
  EXPECT_FALSE(strings.truncated || strings.unreadable);
}

}  // namespace
}  // namespace hv::monitor
