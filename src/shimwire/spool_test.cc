#include "shimwire/spool.h"

#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace hv::shimwire {
namespace {

class Spool : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "hv-spool-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    handle = *base::open_file(directory, O_RDONLY | O_DIRECTORY);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  SpoolWriter writer() { return *SpoolWriter::open(handle.get(), base::system_clock()); }
  SpoolReader reader() { return *SpoolReader::open(directory + "/spool"); }
  static std::string payload(uint64_t number) {
    return std::to_string(number) + std::string(number * 37 % 300, static_cast<char>('a' + number % 26));
  }

  std::string directory;
  base::Fd handle;
};

// Far more than is read at once: a daemon that comes late finds it so.
TEST_F(Spool, ComesBackAsItWasWrittenHoweverLongItIs) {
  constexpr uint64_t kRecords = 5000;
  SpoolWriter writes = writer();
  for (uint64_t i = 1; i <= kRecords; ++i)
    ASSERT_EQ(writes.append(i % 2 == 0 ? SpoolFamily::monitor : SpoolFamily::network_told, payload(i)).value(), i);
  SpoolReader reads = reader();
  SpoolRecord record;
  for (uint64_t i = 1; i <= kRecords; ++i) {
    ASSERT_TRUE(reads.next(record).value());
    ASSERT_EQ(record.sequence, i);
    ASSERT_EQ(record.family, i % 2 == 0 ? SpoolFamily::monitor : SpoolFamily::network_told);
    ASSERT_EQ(record.payload, payload(i));
  }
  EXPECT_FALSE(reads.next(record).value());
  EXPECT_EQ(reads.offset(), std::filesystem::file_size(directory + "/spool"));
}

TEST_F(Spool, IsReadOnWhereItGrows) {
  SpoolWriter writes = writer();
  SpoolReader reads = reader();
  SpoolRecord record;
  EXPECT_FALSE(reads.next(record).value());
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(writes.append(SpoolFamily::note, payload(i)));
    ASSERT_TRUE(reads.next(record).value());
    EXPECT_EQ(record.payload, payload(i));
  }
}

TEST_F(Spool, IsContinuedAfterATornRecordWithoutIt) {
  ASSERT_TRUE(writer().append(SpoolFamily::note, payload(1)));
  auto whole = std::filesystem::file_size(directory + "/spool");
  ASSERT_TRUE(writer().append(SpoolFamily::note, payload(2)));
  std::filesystem::resize_file(directory + "/spool", whole + 20);
  SpoolRecord record;
  SpoolReader torn = reader();
  EXPECT_TRUE(torn.next(record).value());
  EXPECT_FALSE(torn.next(record).value());
  EXPECT_EQ(writer().append(SpoolFamily::note, payload(9)).value(), 2U);
  SpoolReader mended = reader();
  EXPECT_TRUE(mended.next(record).value() && mended.next(record).value());
  EXPECT_EQ(record.payload, payload(9));
}

TEST_F(Spool, RefusesBytesThatAreNoRecord) {
  ASSERT_TRUE(writer().append(SpoolFamily::note, payload(1)));
  base::Fd file = *base::open_file(directory + "/spool", O_WRONLY | O_APPEND);
  ASSERT_TRUE(base::write_all(file.get(), std::string(64, 'x')));
  SpoolReader reads = reader();
  SpoolRecord record;
  EXPECT_TRUE(reads.next(record).value());
  base::Result<bool> next = reads.next(record);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), base::ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace hv::shimwire
