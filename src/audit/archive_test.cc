#include "audit/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include <sys/stat.h>

#include "audit/archive_block.h"
#include "audit/journal_stream.h"
#include "audit/ledger_fixture_test.h"
#include "audit/verify.h"

namespace hv::audit {
namespace {

class ArchiveTest : public LedgerTest {
 protected:
  // Small segments of one ledger, all but the last of which can be packed.
  std::unique_ptr<Ledger> several(int count = 1000) {
    Ledger::Options with = options();
    with.segment_bytes = 128 << 10;
    auto ledger = open(with);
    for (int i = 1; i <= count; ++i) EXPECT_TRUE(ledger->record(spooled(static_cast<uint64_t>(i))));
    EXPECT_TRUE(ledger->seal());
    return ledger;
  }
  size_t pack_all(Ledger& ledger) {
    size_t count = 0;
    for (;; ++count) {
      auto packed = ledger.pack_next();
      EXPECT_TRUE(packed) << packed.error().text();
      if (!packed || !*packed) return count;
      EXPECT_LT((*packed)->after * 5, (*packed)->before) << "packed to less than a fifth";
    }
  }
  std::vector<std::string> texts() {
    std::vector<std::string> result;
    for (const Entry& entry : *Reader(directory.path()).list({}))
      result.push_back(entry.envelope_text + entry.salt + entry.payload);
    return result;
  }
  std::vector<std::string> streamed() {
    std::vector<std::string> result;
    JournalStream stream(directory.path());
    for (auto entry = stream.next(); entry && *entry; entry = stream.next())
      result.push_back((*entry)->envelope_text + (*entry)->salt + (*entry)->payload);
    return result;
  }
  std::string journal_path(const std::string& name) { return directory.path() + "/journal/" + name; }
};

TEST_F(ArchiveTest, IsReadAsTheSegmentWas) {
  auto ledger = several();
  std::vector<std::string> before = texts();
  std::vector<Place> places;
  JournalStream stream(directory.path());
  for (auto entry = stream.next(); *entry; entry = stream.next()) places.push_back(stream.last());
  size_t segments = list_segments(directory.path())->size();
  EXPECT_EQ(pack_all(*ledger), segments - 1);
  EXPECT_EQ(list_segments(directory.path())->size(), segments);
  EXPECT_TRUE(list_segments(directory.path())->front().archived);
  EXPECT_FALSE(list_segments(directory.path())->back().archived);
  EXPECT_EQ(texts(), before);
  EXPECT_EQ(streamed(), before);
  // At the same places as before, in any order.
  std::mt19937 random(1);
  std::ranges::shuffle(places, random);
  PlaceReader reader(directory.path());
  for (const Place& place : places) {
    auto entry = reader.read(place);
    ASSERT_TRUE(entry) << entry.error().text();
    EXPECT_EQ(entry->envelope_text + entry->salt + entry->payload, before[place.index]);
  }
  EXPECT_TRUE(verify(directory.path())->intact());
  EXPECT_EQ(verify(directory.path())->entries, before.size());
}

TEST_F(ArchiveTest, IsContinuedByTheNextWriter) {
  {
    auto ledger = several(600);
    pack_all(*ledger);
  }
  auto ledger = several(800);
  EXPECT_EQ(ledger->size(), 800u) << "what is in archives is not recorded again";
  EXPECT_EQ(*ledger->record(spooled(3)), 2u);
  pack_all(*ledger);
  EXPECT_TRUE(verify(directory.path())->intact());
}

TEST_F(ArchiveTest, DoesNotCountBeforeTheSegmentIsGone) {
  {
    auto ledger = several();
    pack_all(*ledger);
  }
  std::vector<std::string> before = texts();
  // As a crash leaves it between the two steps, the archive being anything.
  std::string segment = Archive::open(journal_path(archive_name(0)))->read_all().value();
  directory.write("journal/" + segment_name(0), segment);
  directory.write("journal/" + archive_name(0), "half an arch");
  EXPECT_EQ(texts(), before);
  EXPECT_TRUE(verify(directory.path())->intact());
  auto ledger = open();
  EXPECT_FALSE(base::path_exists(journal_path(archive_name(0))));
  EXPECT_TRUE(*ledger->pack_next());
  EXPECT_EQ(texts(), before);
}

TEST_F(ArchiveTest, StaysAwayWhenItCannotBeWritten) {
  auto ledger = several();
  std::vector<std::string> before = texts();
  files.fail_replace_after(0, ENOSPC);
  EXPECT_FALSE(ledger->pack_next());
  files.heal();
  EXPECT_FALSE(list_segments(directory.path())->front().archived);
  EXPECT_EQ(texts(), before);
  EXPECT_TRUE(*ledger->pack_next());
}

TEST_F(ArchiveTest, LosesADeletedPayloadForGood) {
  auto ledger = several();
  ASSERT_TRUE(ledger->delete_payloads(2, 2, "user:0", "before packing"));
  pack_all(*ledger);
  ASSERT_TRUE(ledger->delete_payloads(7, 9, "user:0", "after packing"));
  ASSERT_TRUE(ledger->seal());
  std::vector<Entry> entries = *Reader(directory.path()).list({});
  for (uint64_t index : {2u, 7u, 8u, 9u}) EXPECT_EQ(entries[index].payload_state, PayloadState::deleted) << index;
  EXPECT_EQ(entries[6].payload_state, PayloadState::present);
  EXPECT_EQ(entries[10].payload_state, PayloadState::present);
  Report report = *verify(directory.path());
  EXPECT_TRUE(report.intact());
  EXPECT_TRUE(report.notes.empty());
  EXPECT_EQ(report.deleted_payloads, (std::vector<Range>{{2, 2}, {7, 9}}));
}

TEST_F(ArchiveTest, IsMadeAgainOnlyWhereAPayloadGoes) {
  auto ledger = several();
  pack_all(*ledger);
  std::vector<SegmentFile> segments = *list_segments(directory.path());
  ASSERT_GT(segments.size(), 3u);
  auto inode = [&](size_t number) {
    struct stat about{};
    EXPECT_EQ(::stat(segments[number].path.c_str(), &about), 0);
    return about.st_ino;
  };
  std::vector<ino_t> before;
  for (size_t i = 0; i < segments.size(); ++i) before.push_back(inode(i));
  // What is damaged elsewhere stands in nobody's way.
  std::string first = directory.read("journal/" + archive_name(0));
  directory.write("journal/" + archive_name(0), "damaged");
  before[0] = inode(0);
  ASSERT_TRUE(ledger->delete_payloads(segments[1].first_index, segments[1].first_index, "user:0", "as a test"));
  for (size_t i = 0; i < segments.size(); ++i) EXPECT_EQ(inode(i) == before[i], i != 1) << i;
  directory.write("journal/" + archive_name(0), first);
  EXPECT_TRUE(verify(directory.path())->intact());
}

TEST_F(ArchiveTest, IsPrunedLikeASegment) {
  auto ledger = several();
  pack_all(*ledger);
  uint64_t keep = (*list_segments(directory.path()))[2].first_index;
  auto range = ledger->prune(keep, "user:0", "as a test");
  ASSERT_TRUE(range) << range.error().text();
  EXPECT_EQ(**range, (Range{0, keep - 1}));
  EXPECT_EQ(first_entry(*list_segments(directory.path())), keep);
  EXPECT_TRUE(verify(directory.path())->intact());
}

TEST_F(ArchiveTest, ShowsEveryFlippedByte) {
  {
    auto ledger = several(400);
    pack_all(*ledger);
  }
  std::string whole = directory.read("journal/" + archive_name(0));
  for (size_t at = 0; at < whole.size(); at += 211) {
    std::string changed = whole;
    changed[at] ^= 4;
    directory.write("journal/" + archive_name(0), changed);
    EXPECT_FALSE(verify(directory.path())->intact()) << "byte " << at;
  }
  for (size_t size : {size_t{0}, size_t{7}, size_t{50}, whole.size() / 2, whole.size() - 1}) {
    directory.write("journal/" + archive_name(0), whole.substr(0, size));
    EXPECT_FALSE(verify(directory.path())->intact()) << size << " bytes";
  }
  directory.write("journal/" + archive_name(0), whole);
  EXPECT_TRUE(verify(directory.path())->intact());
}

TEST(ArchiveBlock, KeepsWhatIsUnusualAsItIs) {
  Envelope envelope;
  envelope.index = 40;
  envelope.kind = "exec.started";
  envelope.payload_size = 2;
  std::string salt(kSaltSize, 's');
  envelope.payload_hash = base::sha256({salt, "{}"});
  std::string usual = encode_frame(encode_envelope(envelope), salt, "{}");
  std::string wrong_payload = encode_frame(encode_envelope(envelope), salt, "[]");
  std::string wrong_index = encode_frame(encode_envelope(envelope), salt, "{}");
  std::string no_envelope = encode_frame("something else", salt, "{}");
  std::string half_erased = usual;
  half_erased[kStateOffset] = kPayloadDeleted;
  std::string rotten = usual;
  rotten.back() ^= 1;
  std::vector<std::string_view> frames{usual, wrong_index, no_envelope};
  std::string all = usual + wrong_index + no_envelope;
  ArchiveBlock block = take_apart(frames, 40);
  EXPECT_EQ(put_together(block.plain, block.dense, 40, 3, all.size()).value(), all);
  EXPECT_FALSE(put_together(block.plain, block.dense, 40, 4, all.size()));
  EXPECT_FALSE(put_together(block.plain, block.dense, 40, 3, all.size() + 1));
  EXPECT_FALSE(put_together(block.plain, block.dense + "x", 40, 3, all.size()));
  EXPECT_FALSE(put_together(block.plain + "x", block.dense, 40, 3, all.size()));
  for (const std::string& frame : {wrong_payload, half_erased, rotten}) {
    std::vector<std::string_view> one{frame};
    ArchiveBlock alone = take_apart(one, 40);
    EXPECT_EQ(put_together(alone.plain, alone.dense, 40, 1, frame.size()).value(), frame);
  }
}

}  // namespace
}  // namespace hv::audit
