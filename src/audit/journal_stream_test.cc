#include "audit/journal_stream.h"

#include <gtest/gtest.h>

#include "audit/ledger_fixture_test.h"

namespace hv::audit {
namespace {

class JournalStreamTest : public LedgerTest {
 protected:
  Ledger::Options small_segments() {
    Ledger::Options with = options();
    with.segment_bytes = 2000;
    return with;
  }
  std::vector<uint64_t> read_on(JournalStream& stream) {
    std::vector<uint64_t> indexes;
    for (;;) {
      auto entry = stream.next();
      EXPECT_TRUE(entry) << entry.error().text();
      if (!entry || !*entry) return indexes;
      indexes.push_back((*entry)->envelope.index);
    }
  }
};

TEST_F(JournalStreamTest, GoesOnWhereItStoppedThroughSegments) {
  auto ledger = open(small_segments());
  JournalStream stream(directory.path());
  EXPECT_TRUE(read_on(stream).empty());
  std::vector<uint64_t> seen;
  for (uint64_t i = 0; i < 30; ++i) {
    ASSERT_TRUE(ledger->record(event_of("a.b", {{"number", i}})));
    if (i % 7 == 0)
      for (uint64_t index : read_on(stream)) seen.push_back(index);
  }
  for (uint64_t index : read_on(stream)) seen.push_back(index);
  ASSERT_EQ(seen.size(), 30u);
  for (uint64_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i);
  EXPECT_GT(list_segments(directory.path())->size(), 3u);
}

TEST_F(JournalStreamTest, FindsEachRecordAtItsPlaceAndNoOtherThere) {
  auto ledger = open(small_segments());
  for (uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(ledger->record(event_of("a.b", {{"number", i}})));
  JournalStream stream(directory.path());
  std::vector<Place> places;
  while (auto entry = *stream.next()) places.push_back(stream.last());
  ASSERT_EQ(places.size(), 20u);
  PlaceReader reader(directory.path());
  std::vector<Place> both_ways = places;
  both_ways.insert(both_ways.end(), places.rbegin(), places.rend());
  for (const Place& place : both_ways) {
    auto entry = reader.read(place);
    ASSERT_TRUE(entry) << entry.error().text();
    EXPECT_EQ(entry->envelope.index, place.index);
    Place wrong = place;
    ++wrong.index;
    EXPECT_FALSE(reader.read(wrong));
  }
}

TEST_F(JournalStreamTest, ReadsRecordsLargerThanItsFirstLook) {
  auto ledger = open();
  for (uint64_t i = 0; i < 6; ++i)
    ASSERT_TRUE(ledger->record(event_of("a.b", {{"text", std::string(i % 2 == 0 ? 60'000 : 10, 'x')}})));
  JournalStream stream(directory.path());
  std::vector<Place> places;
  while (auto entry = *stream.next()) places.push_back(stream.last());
  PlaceReader reader(directory.path());
  for (const Place& place : places) {
    auto entry = reader.read(place);
    ASSERT_TRUE(entry) << entry.error().text();
    EXPECT_EQ(entry->payload.size(), place.index % 2 == 0 ? 60'011u : 21u);
  }
}

TEST_F(JournalStreamTest, WaitsAtARecordThatIsBeingWrittenAndStopsAtADamagedOne) {
  {
    auto ledger = open(small_segments());
    for (uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(ledger->record(event_of("a.b", {{"number", i}})));
  }
  std::string path = list_segments(directory.path())->back().path;
  std::string whole = *base::read_file(path);
  ASSERT_TRUE(base::replace_file(path, whole.substr(0, whole.size() - 3)));
  JournalStream stream(directory.path());
  EXPECT_EQ(read_on(stream).size(), 19u);
  ASSERT_TRUE(base::replace_file(path, whole));
  JournalStream again(directory.path(), stream.place());
  EXPECT_EQ(read_on(again), std::vector<uint64_t>{19});

  std::string first = list_segments(directory.path())->front().path;
  std::string bytes = *base::read_file(first);
  bytes[kSegmentHeaderSize + kFrameHeaderSize + 5] ^= 1;
  ASSERT_TRUE(base::replace_file(first, bytes));
  JournalStream damaged(directory.path());
  EXPECT_FALSE(damaged.next());
}

}  // namespace
}  // namespace hv::audit
