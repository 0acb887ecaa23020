// Every operation on the disk that the ledger makes, failed in every way, one at a time: an ordinary life of a ledger
// is run once to count them, then again for each. Then it is opened again and held against what its callers were told.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "audit/ledger_fixture_test.h"
#include "audit/verify.h"
#include "base/faulty_disk_test.h"
#include "base/format.h"

namespace hv::audit {
namespace {

using base::FaultyDisk;
using Call = FaultyDisk::Call;
using Fault = FaultyDisk::Fault;
using Left = FaultyDisk::Left;

// What the ledger's callers know.
struct Told {
  std::map<uint64_t, std::string> recorded;  // the payload
  uint64_t durable = 0;
  uint64_t sealed = 0;
  uint64_t deleting = 0;  // payloads below may be gone: it was asked for
  uint64_t pruning = 0;   // entries below, too
};

std::string name_of(Call call) {
  static constexpr std::array names{"open", "write", "sync", "truncate", "rename", "unlink", "make a directory"};
  return names[static_cast<size_t>(call)];
}
std::string name_of(Fault fault) {
  static constexpr std::array names{"none", "ENOSPC", "EIO", "EINTR", "cut short", "lost", "flipped", "unsynced"};
  return names[static_cast<size_t>(fault)];
}
std::string name_of(Left left) {
  static constexpr std::array names{"what was written", "half a write", "what was synced", "names", "halves", "holes"};
  return names[static_cast<size_t>(left)];
}

// What a life begins with: no ledger at all; one whose first tile is about to be full; the same, of which the journal
// has only the newest entries, so that the tiles alone know the others.
enum class Start { nothing, grown, pruned };

class LedgerFaults : public testing::Test {
 protected:
  static Ledger::Options options(const std::string& path) {
    static TestClock clock;
    Ledger::Options result;
    result.directory = path;
    result.origin = "example.com/test";
    result.clock = &clock;
    // The writer thread works when it is asked to, so that every run is the same.
    result.sync_delay = 1h;
    result.seal_interval = 1h;
    result.key_period = 0h;
    result.segment_bytes = 40'000;
    return result;
  }

  static void record(Ledger& ledger, Told& told, size_t padding = 0) {
    uint64_t number = ledger.last_sequence("s0123456789abcdef") + 1;
    core::Event event = spooled(number);
    if (padding > 0) event.payload["padding"] = std::string(padding, 'x');
    if (base::Result<uint64_t> index = ledger.record(event))
      told.recorded[*index] = base::json::serialize(event.payload);
  }
  static void settle(Ledger& ledger, Told& told, const base::Status& sealed) {
    if (!sealed) return;
    told.durable = told.sealed = ledger.standing().sealed;
  }

  // A ledger's life: everything it can be asked for, with a new segment, a full tile and a new key.
  static void live(Ledger& ledger, Told& told) {
    for (int i = 0; i < 3; ++i) record(ledger, told);
    if (uint64_t size = ledger.size(); ledger.sync()) told.durable = size;
    for (int i = 0; i < 6; ++i) record(ledger, told);
    settle(ledger, told, ledger.seal());
    for (int i = 0; i < 3; ++i) record(ledger, told, 20'000);
    if (uint64_t size = ledger.size(); ledger.sync()) told.durable = size;
    told.deleting = ledger.size() - 2;
    (void)ledger.delete_payloads(ledger.size() - 4, ledger.size() - 3, "user:1000", "asked for");
    record(ledger, told);
    settle(ledger, told, ledger.rotate());
    record(ledger, told);
    told.pruning = ledger.size();
    (void)ledger.prune(ledger.size(), "user:1000", "asked for");
    record(ledger, told);
    settle(ledger, told, ledger.seal());
  }

  // Entries that were promised and are not there, as a sentence; empty when all are.
  static std::string missing(const std::string& path, const Told& told, uint64_t promised) {
    auto listed = Reader(path).list({});
    if (!listed) return "it cannot be read: " + listed.error().text();
    std::map<uint64_t, const Entry*> entries;
    for (const Entry& entry : *listed) entries[entry.envelope.index] = &entry;
    for (const auto& [index, payload] : told.recorded) {
      if (index >= promised) break;
      auto found = entries.find(index);
      if (found == entries.end()) {
        if (index >= told.pruning) return base::format("entry {} is missing", index);
      } else if (found->second->payload != payload && index >= told.deleting) {
        return base::format("entry {} is another", index);
      }
    }
    return "";
  }

  static std::string problems(const std::string& path) {
    VerifyOptions with;
    with.threads = 1;
    auto report = verify(path, with);
    if (!report) return report.error().text();
    std::string text;
    for (const Problem& problem : report->problems)
      text += base::format("{}: {}; ", problem_name(problem.kind), problem.message);
    return text;
  }

  // Opened again, everything promised is there, and it goes on.
  static void expect_whole(const std::string& path, const Told& told, uint64_t promised) {
    {
      auto ledger = Ledger::open(options(path));
      ASSERT_TRUE(ledger) << ledger.error().text();
      EXPECT_EQ(missing(path, told, promised), "");
      ASSERT_TRUE((*ledger)->record(event_of("later.on")));
      ASSERT_TRUE((*ledger)->seal());
    }
    EXPECT_EQ(problems(path), "");
  }

  static base::Digest digest_of(const FaultyDisk::Files& files) {
    std::string all;
    for (const auto& [path, content] : files) all += base::format("{}\n{}\n{}", path, content.size(), content);
    return base::sha256(all);
  }

  static void begin(const std::string& path, Start start, Told& told) {
    if (start == Start::nothing) return;
    struct Model {
      TestDirectory directory;
      Told told;
    };
    static std::map<Start, Model> models;
    auto [found, made] = models.try_emplace(start);
    Model& model = found->second;
    if (made) {
      auto ledger = *Ledger::open(options(model.directory.path()));
      while (ledger->size() < 247) record(*ledger, model.told);
      record(*ledger, model.told, 40'000);
      record(*ledger, model.told);
      if (start == Start::pruned) {
        EXPECT_TRUE(*ledger->prune(ledger->size(), "user:1000", "asked for"));
        model.told.pruning = ledger->size();
      }
      settle(*ledger, model.told, ledger->seal());
    }
    std::filesystem::copy(model.directory.path(), path,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    told = model.told;
  }

  static size_t count_operations(Start start) {
    TestDirectory directory;
    Told told;
    begin(directory.path(), start, told);
    FaultyDisk disk(directory.path());
    {
      auto ledger = Ledger::open(options(directory.path()));
      EXPECT_TRUE(ledger);
      live(**ledger, told);
    }
    EXPECT_EQ(problems(directory.path()), "");
    return disk.count();
  }

  static void stop_everywhere(Start start);
  static void fail_everywhere(Start start, Fault fault, bool for_good);
  static void lie_everywhere(Start start, Fault fault);
};

// One life; before each of its operations, what would be left if all stopped there.
void LedgerFaults::stop_everywhere(Start start) {
  TestDirectory directory;
  Told told;
  begin(directory.path(), start, told);
  size_t number = 0;
  std::set<std::pair<base::Digest, uint64_t>> seen;
  {
    FaultyDisk disk(directory.path());
    disk.before = [&](const FaultyDisk::Operation& operation) {
      ++number;
      for (Left left : {Left::written, Left::half_write, Left::synced, Left::names, Left::half, Left::hole}) {
        if (left == Left::half_write && operation.call != Call::write) continue;
        SCOPED_TRACE(base::format("operation {}, {} {}, left: {}", number, name_of(operation.call), operation.path,
                                  name_of(left)));
        bool killed = left == Left::written || left == Left::half_write;
        uint64_t promised = killed ? told.recorded.size() : told.durable;
        FaultyDisk::Files files = disk.left(left, operation);
        // Many operations change nothing of what would be left.
        if (!seen.insert({digest_of(files), promised}).second) continue;
        TestDirectory rest;
        disk.store(files, rest.path());
        expect_whole(rest.path(), told, killed ? UINT64_MAX : told.durable);
      }
    };
    auto ledger = Ledger::open(options(directory.path()));
    ASSERT_TRUE(ledger);
    live(**ledger, told);
  }
  EXPECT_GT(number, 60u);
}

void LedgerFaults::fail_everywhere(Start start, Fault fault, bool for_good) {
  size_t count = count_operations(start);
  size_t met = 0;
  for (size_t number = 0; number < count; ++number) {
    TestDirectory directory;
    Told told;
    begin(directory.path(), start, told);
    FaultyDisk disk(directory.path(), false);
    disk.fail(number, fault, for_good);
    std::string where;
    disk.before = [&, n = size_t{0}](const FaultyDisk::Operation& operation) mutable {
      if (n++ == number) where = base::format("operation {}, {} {}", number, name_of(operation.call), operation.path);
    };
    std::unique_ptr<Ledger> ledger;
    if (auto opened = Ledger::open(options(directory.path()))) {
      ledger = *std::move(opened);
      live(*ledger, told);
    } else {
      EXPECT_FALSE(opened.error().message().empty());
    }
    SCOPED_TRACE(base::format("{} {}: {}", name_of(fault), for_good ? "from then on" : "once", where));
    if (disk.met()) ++met;
    disk.heal();
    if (ledger) {
      // The same process goes on, once there is room.
      size_t before = told.recorded.size();
      record(*ledger, told);
      EXPECT_EQ(told.recorded.size(), before + 1) << "it refuses events though the disk is well again";
      base::Status sealed = ledger->seal();
      EXPECT_TRUE(sealed) << sealed.error().text();
      settle(*ledger, told, sealed);
      EXPECT_EQ(missing(directory.path(), told, UINT64_MAX), "");
      ledger.reset();
    }
    expect_whole(directory.path(), told, UINT64_MAX);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(met, count * 9 / 10);
}

// Nobody can keep what the disk has thrown away, but nobody may take it for whole either.
void LedgerFaults::lie_everywhere(Start start, Fault fault) {
  Call victim = fault == Fault::unsynced ? Call::sync : Call::write;
  size_t count = count_operations(start);
  size_t found = 0;
  for (size_t number = 0; number < count; ++number) {
    TestDirectory directory;
    Told told;
    begin(directory.path(), start, told);
    std::string where;
    TestDirectory rest;
    {
      FaultyDisk disk(directory.path(), fault == Fault::unsynced);
      disk.fail(number, fault, false);
      disk.before = [&, n = size_t{0}](const FaultyDisk::Operation& operation) mutable {
        if (n++ == number) where = base::format("operation {}, {} {}", number, name_of(operation.call), operation.path);
      };
      if (auto opened = Ledger::open(options(directory.path()))) live(**opened, told);
      disk.before = nullptr;
      if (disk.met() != victim) continue;
      disk.store(disk.left(fault == Fault::unsynced ? Left::synced : Left::written, {}), rest.path());
    }
    SCOPED_TRACE(base::format("{}: {}", name_of(fault), where));
    std::string seen = problems(rest.path());
    std::string lost = missing(rest.path(), told, told.durable);
    if (!seen.empty()) ++found;
    if (!lost.empty()) EXPECT_NE(seen, "") << lost << ", and nobody says so";
    auto ledger = Ledger::open(options(rest.path()));
    if (!ledger) {
      EXPECT_FALSE(ledger.error().message().empty());
      continue;
    }
    EXPECT_TRUE((*ledger)->record(event_of("later.on")));
    (void)(*ledger)->seal();
    lost = missing(rest.path(), told, told.durable);
    ledger->reset();
    if (!lost.empty()) EXPECT_NE(problems(rest.path()), "") << lost << ", and nobody says so any more";
  }
  EXPECT_GT(found, 0u);
}

// A test for each beginning, so that they can run side by side.
class LedgerFaultsFrom : public LedgerFaults, public testing::WithParamInterface<Start> {};
INSTANTIATE_TEST_SUITE_P(Starts, LedgerFaultsFrom, testing::Values(Start::nothing, Start::grown, Start::pruned));

TEST_P(LedgerFaultsFrom, LoseNothingPromisedWhereverAllStops) {
  stop_everywhere(GetParam());
}
TEST_F(LedgerFaults, LoseNothingWhenAnyOperationFails) {
  for (Fault fault : {Fault::no_space, Fault::io_error, Fault::interrupted, Fault::cut_short})
    fail_everywhere(Start::nothing, fault, false);
}
TEST_F(LedgerFaults, LoseNothingOfAPrunedLedgerWhenAnyOperationFails) {
  fail_everywhere(Start::pruned, Fault::io_error, false);
}
TEST_F(LedgerFaults, LoseNothingWhenAllOperationsFailFromAnyOn) {
  for (Fault fault : {Fault::no_space, Fault::cut_short}) fail_everywhere(Start::pruned, fault, true);
}
TEST_F(LedgerFaults, AreFoundWhereTheDiskLies) {
  for (Fault fault : {Fault::lost, Fault::flipped, Fault::unsynced}) lie_everywhere(Start::nothing, fault);
}

}  // namespace
}  // namespace hv::audit
