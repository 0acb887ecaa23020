#include "audit/witness.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "audit/ledger_fixture_test.h"
#include "audit/verify.h"

namespace hv::audit {
namespace {

class WitnessTest : public LedgerTest {
 protected:
  void record(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) ASSERT_TRUE(ledger_->record(event_of("a.b", {{"number", i}})));
    ASSERT_TRUE(ledger_->seal());
  }
  base::Result<Witnessed> witness() { return witness_ledger(directory.path(), witness_.path() + "/w", clock); }
  Report verified() {
    VerifyOptions with;
    with.remembered = *witnessed_checkpoint(witness_.path() + "/w");
    with.first_key = *witnessed_first_key(witness_.path() + "/w");
    return *verify(directory.path(), with);
  }
  std::unique_ptr<Ledger> ledger_ = open();
  TestDirectory witness_;
};

TEST_F(WitnessTest, CosignsWhatContinuesTheLast) {
  record(300);
  auto first = witness();
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->before, 0u);
  EXPECT_EQ(first->size, 300u);
  record(400);
  ASSERT_TRUE(ledger_->rotate());
  auto second = witness();
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->before, 300u);
  EXPECT_EQ(second->key, first->key);
  ASSERT_TRUE(witness()) << "the same again is no fault";
  EXPECT_TRUE(verified().intact());
}

TEST_F(WitnessTest, FindsALedgerThatWasSetBack) {
  record(20);
  ASSERT_TRUE(ledger_->rotate());
  ledger_.reset();
  TestDirectory copy;
  std::filesystem::copy(directory.path(), copy.path() + "/l", std::filesystem::copy_options::recursive);
  ledger_ = open();
  record(20);
  ASSERT_TRUE(witness());
  ledger_.reset();
  // The older copy is whole in itself; only the witness knows better.
  std::filesystem::remove_all(directory.path());
  std::filesystem::copy(copy.path() + "/l", directory.path(), std::filesystem::copy_options::recursive);
  EXPECT_TRUE(verify(directory.path())->intact());
  auto refused = witness();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("set back"), std::string::npos) << refused.error().text();
  Report report = verified();
  ASSERT_FALSE(report.intact());
  EXPECT_EQ(report.problems[0].kind, ProblemKind::rolled_back);
  EXPECT_EQ(report.problems[0].entries, (Range{21, 40}));
  // It goes on from there, beyond the size that was witnessed: another past all the same.
  ledger_ = open();
  record(50);
  EXPECT_FALSE(witness());
  EXPECT_FALSE(verified().intact());
}

TEST_F(WitnessTest, FindsAnotherLedgerAndAForgedCosignature) {
  record(5);
  ASSERT_TRUE(witness());
  TestDirectory elsewhere;
  Ledger::Options with = options();
  with.directory = elsewhere.path();
  {
    auto other = open(with);
    ASSERT_TRUE(other->record(event_of("x.y")) && other->seal());
  }
  EXPECT_FALSE(witness_ledger(elsewhere.path(), witness_.path() + "/w", clock));
  std::string note = witness_.read("w/checkpoint");
  size_t line = note.rfind(' ') + 20;
  note[line] = note[line] == 'A' ? 'B' : 'A';
  witness_.write("w/checkpoint", note);
  EXPECT_FALSE(witnessed_checkpoint(witness_.path() + "/w"));
  EXPECT_FALSE(witness());
}

TEST(Cosignature, IsOfItsTextItsTimeAndItsKeyOnly) {
  auto key = base::SigningKey::generate();
  auto other = base::SigningKey::generate();
  CosignerKey cosigner = CosignerKey::of("w.example", *key);
  auto parsed = CosignerKey::parse(cosigner.text());
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->text(), cosigner.text());
  Checkpoint checkpoint{"o.example", 3, {}};
  std::string note = sign_note(checkpoint.text(), {{checkpoint.origin, *other}}) +
                     cosignature_line(checkpoint.text(), "w.example", *key, 1'800'000'000);
  EXPECT_EQ(cosigned_at(*Note::parse(note), cosigner), 1'800'000'000u);
  EXPECT_TRUE(Note::parse(note)->signed_by(VerifierKey::of(checkpoint.origin, *other)));
  EXPECT_EQ(cosigned_at(*Note::parse(note), CosignerKey::of("w.example", *other)), std::nullopt);
  checkpoint.size = 4;
  std::string swapped =
      sign_note(checkpoint.text(), {{checkpoint.origin, *other}}) + note.substr(note.rfind("\u2014 w."));
  EXPECT_EQ(cosigned_at(*Note::parse(swapped), cosigner), std::nullopt);
}

}  // namespace
}  // namespace hv::audit
