// What verification makes of keys, checkpoints and histories that somebody signed anew.
#include <gtest/gtest.h>

#include <filesystem>

#include "audit/verify_fixture_test.h"

namespace hv::audit {
namespace {

TEST_F(VerifyTest, FindsAHistoryRewrittenThroughoutWithoutItsKey) {
  make(600);
  std::vector<Record> all = records();
  all[300].envelope = replaced(all[300].envelope, "exec.started", "exec.stopped");
  rewrite(all);
  republish(all);
  EXPECT_EQ(problems(), Problems{"rewritten 0-599"});
}

TEST_F(VerifyTest, FindsACheckpointSignedByAStranger) {
  make(600);
  std::vector<Record> all = records();
  all[300].envelope = replaced(all[300].envelope, "exec.started", "exec.stopped");
  rewrite(all);
  auto stranger = base::SigningKey::generate();
  std::string name = "example.com/test";
  directory.write("checkpoint", sign_note(Checkpoint{name, 600, republish(all)}.text(), {{name, *stranger}}));
  EXPECT_EQ(problems(), Problems{"key_swapped 0-599"});
}

TEST_F(VerifyTest, FindsAFirstKeyThatWasExchanged) {
  VerifierKey first;
  {
    auto ledger = open();
    first = ledger->verifier_key();
    record(*ledger, 10);
  }
  VerifyOptions trusting_first;
  trusting_first.first_key = first;
  EXPECT_TRUE(report(trusting_first).intact());
  auto stranger = base::SigningKey::generate();
  std::string name = "example.com/test";
  directory.write("keys/0.vkey", VerifierKey::of(name, *stranger).text() + "\n");
  directory.write("checkpoint", sign_note(Checkpoint{name, 10, republish(records())}.text(), {{name, *stranger}}));
  EXPECT_TRUE(report().intact()) << "without the first key nobody can tell";
  EXPECT_FALSE(report(trusting_first).intact());
}

TEST_F(VerifyTest, ProtectsThePastFromWhoeverHoldsThePresentKey) {
  std::string seed;
  {
    auto ledger = open();
    record(*ledger, 50);
    ASSERT_TRUE(ledger->rotate());
    record(*ledger, 50);
  }
  std::string stored = directory.read("keys/current");
  size_t at = stored.find("seed ") + 5;
  auto stolen = base::SigningKey::from_seed(*base::from_base64(stored.substr(at, stored.find('\n', at) - at)));
  ASSERT_TRUE(stolen);
  std::string name = "example.com/test";
  auto sign_anew = [&](const std::vector<Record>& all) {
    rewrite(all);
    std::filesystem::remove_all(directory.path() + "/tile");
    directory.write("checkpoint", sign_note(Checkpoint{name, all.size(), republish(all)}.text(), {{name, *stolen}}));
  };
  std::vector<Record> all = records();
  std::vector<Record> before = all;
  before[20].envelope = replaced(before[20].envelope, "exec.started", "exec.stopped");
  sign_anew(before);
  EXPECT_EQ(problems(), Problems{"rewritten 0-50"});
  std::vector<Record> after = all;
  after[70].envelope = replaced(after[70].envelope, "exec.started", "exec.stopped");
  sign_anew(after);
  EXPECT_EQ(problems(), Problems{})
      << "the present period is only as safe as its key; a witness or a remembered checkpoint helps";
}

TEST_F(VerifyTest, FindsAForgedHandover) {
  {
    auto ledger = open();
    record(*ledger, 5);
    ASSERT_TRUE(ledger->rotate());
  }
  std::string note = directory.read("keys/1.note");
  directory.write("keys/1.note", replaced(note, "\n6\n", "\n5\n"));
  std::vector<std::string> found = problems();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].substr(0, 11), "key_swapped");
}

TEST_F(VerifyTest, FindsARollbackByARememberedCheckpoint) {
  make(10);
  TestDirectory old;
  std::filesystem::copy(directory.path(), old.path(), std::filesystem::copy_options::recursive);
  make(10);
  VerifyOptions remembering;
  remembering.remembered = directory.read("checkpoint");
  EXPECT_TRUE(report(remembering).intact());
  make(10);
  EXPECT_TRUE(report(remembering).intact()) << "the ledger may have grown";
  auto result = verify(old.path(), remembering);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->problems.size(), 1u);
  EXPECT_EQ(result->problems[0].kind, ProblemKind::rolled_back);
  EXPECT_EQ(result->problems[0].entries, (Range{10, 19}));
  EXPECT_TRUE(verify(old.path())->intact()) << "only the memory tells";
}

TEST_F(VerifyTest, FindsAnotherHistoryByARememberedCheckpoint) {
  make(10);
  TestDirectory old;
  std::filesystem::copy(directory.path(), old.path(), std::filesystem::copy_options::recursive);
  make(5);
  VerifyOptions remembering;
  remembering.remembered = directory.read("checkpoint");
  // The same key goes on from the older copy, and writes other events.
  std::filesystem::remove_all(directory.path());
  std::filesystem::copy(old.path(), directory.path(), std::filesystem::copy_options::recursive);
  clock.tick(1h);
  sequence = 10;
  make(20);
  EXPECT_TRUE(report().intact());
  EXPECT_EQ(problems(remembering), Problems{"rewritten 0-14"});
}

}  // namespace
}  // namespace hv::audit
