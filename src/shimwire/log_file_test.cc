#include "shimwire/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hv::shimwire {
namespace {

class LogFile : public ::testing::Test {
 protected:
  void SetUp() override { file_ = base::Fd(::mkstemp(path_)); }
  void TearDown() override { ::unlink(path_); }
  base::Fd open() { return std::move(base::open_file(path_, O_RDWR).value()); }
  std::string read(size_t limit = 100'000) {
    std::string text;
    for (uint64_t offset = 0;;) {
      LogPiece piece = read_log_file(file_.get(), offset, limit).value();
      if (piece.bytes.empty()) return text;
      text += piece.bytes;
      offset = piece.next;
    }
  }
  uint64_t on_disk() {
    struct stat about{};
    ::fstat(file_.get(), &about);
    return static_cast<uint64_t>(about.st_blocks) * 512;
  }
  char path_[32] = "/tmp/hv-log-XXXXXX";
  base::Fd file_;
};

TEST_F(LogFile, KeepsTheFirstAndTheNewestAndSaysWhatIsMissing) {
  constexpr uint64_t kept = uint64_t{256} << 10;
  LogWriter log(open(), {.first = kept, .newest = kept});
  log.append("the first line\n");
  std::string block(64'000, 'x');
  for (int i = 0; i < 1'000; ++i) log.append(block);
  log.append("the last line\n");
  EXPECT_LE(on_disk(), 4 * kept);
  std::string text = read();
  EXPECT_TRUE(text.starts_with("the first line\nxxx"));
  EXPECT_TRUE(text.ends_with("xxxthe last line\n"));
  EXPECT_EQ(text.find('\0'), std::string::npos);
  size_t note = text.find("\n[hydravisor: ");
  ASSERT_NE(note, std::string::npos);
  uint64_t missing = std::stoull(text.substr(note + 14));
  size_t line = text.find("]\n", note) + 2 - note;
  EXPECT_EQ(text.size() - line + missing, 64'000'000u + 15 + 14) << "every byte is kept or counted";
}

TEST_F(LogFile, GoesOnWhereItEnded) {
  LogWriter(open()).append("one\n");
  LogWriter(open()).append("two\n");
  EXPECT_EQ(read(3), "one\ntwo\n");
}

TEST_F(LogFile, WrittenNowhereIsNoError) {
  LogWriter log;
  log.append("x");
  EXPECT_FALSE(log);
}

}  // namespace
}  // namespace hv::shimwire
