#include "shimwire/spool.h"

#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/faulty_disk_test.h"

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

TEST_F(Spool, RefusesARecordThatIsNotTheNext) {
  SpoolWriter writes = writer();
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(writes.append(SpoolFamily::note, payload(7)));
  std::string bytes = *base::read_file(directory + "/spool");
  size_t one = bytes.size() / 3;
  for (const std::string& forged : {bytes.substr(0, one) + bytes.substr(2 * one), bytes.substr(one), bytes + bytes}) {
    ASSERT_TRUE(base::replace_file(directory + "/spool", forged));
    SpoolReader reads = reader();
    SpoolRecord record;
    base::Result<bool> next = true;
    while (next && *next) next = reads.next(record);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code(), base::ErrorCode::invalid_argument);
  }
}

// Each operation on the disk fails in each way; what was acknowledged is read back, in order, and nothing else.
TEST_F(Spool, LosesNothingAcknowledgedWhicheverOperationFails) {
  using Fault = base::FaultyDisk::Fault;
  size_t met = 0;
  for (Fault fault : {Fault::no_space, Fault::io_error, Fault::interrupted, Fault::cut_short})
    for (bool for_good : {false, true}) {
      // Without an end it would be asked for ever.
      if (fault == Fault::interrupted && for_good) continue;
      for (size_t number = 0; number < 12; ++number) {
        SCOPED_TRACE(testing::Message() << "operation " << number << ", fault " << static_cast<int>(fault));
        std::filesystem::remove(directory + "/spool");
        base::FaultyDisk disk(directory, false);
        disk.fail(number, fault, for_good);
        std::vector<std::string> acknowledged;
        for (int life = 0; life < 2; ++life) {
          auto writes = SpoolWriter::open(handle.get(), base::system_clock());
          if (!writes) continue;
          for (uint64_t i = 1; i <= 4; ++i)
            if (writes->append(SpoolFamily::note, payload(i))) acknowledged.push_back(payload(i));
          if (life == 0) continue;
          if (disk.met()) ++met;
          disk.heal();
          ASSERT_TRUE(writes->append(SpoolFamily::note, payload(9)));
          acknowledged.push_back(payload(9));
        }
        disk.heal();
        if (acknowledged.empty()) continue;
        SpoolReader reads = reader();
        SpoolRecord record;
        for (const std::string& wanted : acknowledged) {
          base::Result<bool> next = reads.next(record);
          ASSERT_TRUE(next && *next) << (next ? "it ends" : next.error().text());
          EXPECT_EQ(record.payload, wanted);
        }
        EXPECT_FALSE(reads.next(record).value());
      }
    }
  EXPECT_GT(met, 40u);
}

// A record whose rest can neither be written nor cut off stands in the way until it can.
TEST_F(Spool, AppendsNothingBehindATornRecord) {
  SpoolWriter writes = writer();
  ASSERT_TRUE(writes.append(SpoolFamily::note, payload(1)));
  base::FaultyDisk disk(directory, false);
  disk.fail(0, base::FaultyDisk::Fault::cut_short, false);
  disk.before = [&](const base::FaultyDisk::Operation& operation) {
    // Cutting it off again fails too, once.
    if (operation.call == base::FaultyDisk::Call::truncate) disk.fail(1, base::FaultyDisk::Fault::io_error, false);
  };
  EXPECT_FALSE(writes.append(SpoolFamily::note, payload(2)));
  disk.before = nullptr;
  ASSERT_TRUE(writes.append(SpoolFamily::note, payload(3)));
  SpoolReader reads = reader();
  SpoolRecord record;
  EXPECT_TRUE(reads.next(record).value() && reads.next(record).value());
  EXPECT_EQ(record.payload, payload(3));
}

}  // namespace
}  // namespace hv::shimwire
