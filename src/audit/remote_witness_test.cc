#include "audit/remote_witness.h"

#include <gtest/gtest.h>

#include "audit/ledger_fixture_test.h"
#include "base/text.h"

namespace hv::audit {
namespace {

// As c2sp.org/tlog-witness asks of one, but for the log's key, which it does not check.
struct Server {
  base::SigningKey key = *base::SigningKey::generate();
  uint64_t size = 0;
  Digest root{};
  std::vector<int> answers;

  WitnessAnswer add(const std::string& body) {
    size_t end = body.find("\n\n");
    std::vector<std::string> lines = base::split(body.substr(0, end), '\n');
    uint64_t old = std::stoull(lines.at(0).substr(4));
    std::vector<Digest> proof;
    for (size_t i = 1; i < lines.size(); ++i) {
      std::string hash = *base::from_base64(lines[i]);
      std::copy(hash.begin(), hash.end(), proof.emplace_back().begin());
    }
    Note note = *Note::parse(body.substr(end + 2));
    Checkpoint now = *Checkpoint::parse_text(note.text);
    if (old != size) return answer({409, std::to_string(size) + "\n"});
    bool same = size == now.size && root == now.root && proof.empty();
    if (size > 0 && !same && !check_consistency(size, root, now.size, now.root, proof)) return answer({422, ""});
    size = now.size;
    root = now.root;
    return answer({200, cosignature_line(note.text, "w.example", key, 1'800'000'000)});
  }
  WitnessAnswer answer(WitnessAnswer what) {
    answers.push_back(what.status);
    return what;
  }
};

class RemoteWitnessTest : public LedgerTest {
 protected:
  void record(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) ASSERT_TRUE(ledger_->record(event_of("a.b", {{"number", i}})));
    ASSERT_TRUE(ledger_->seal());
  }
  base::Result<Witnessed> witness(std::optional<CosignerKey> key = std::nullopt) {
    return witness_remotely(directory.path(), kept_.path() + "/w", key,
                            [&](const std::string& body) -> base::Result<WitnessAnswer> { return server_.add(body); });
  }
  CosignerKey key() const { return CosignerKey::of("w.example", server_.key); }
  std::unique_ptr<Ledger> ledger_ = open();
  TestDirectory kept_;
  Server server_;
};

TEST_F(RemoteWitnessTest, IsSentWhatContinuesTheLast) {
  record(300);
  EXPECT_FALSE(witness()) << "its key is not known yet";
  auto first = witness(key());
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->size, 300u);
  record(400);
  ASSERT_TRUE(ledger_->rotate());
  auto second = witness();
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->before, 300u);
  ASSERT_TRUE(witness()) << "the same again is no fault";
  EXPECT_EQ(server_.answers, (std::vector<int>{200, 200, 200}));
  EXPECT_TRUE(witnessed_checkpoint(kept_.path() + "/w"));
}

TEST_F(RemoteWitnessTest, TellsASizeItHasSeenFromALedgerThatWasSetBack) {
  record(20);
  ASSERT_TRUE(witness(key()));
  std::string kept = kept_.read("w/checkpoint");
  record(20);
  ASSERT_TRUE(witness());
  // Its last answer got lost.
  kept_.write("w/checkpoint", kept);
  record(5);
  auto again = witness();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->before, 40u);
  server_.size = 1000;
  auto refused = witness();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("set back"), std::string::npos);
}

TEST_F(RemoteWitnessTest, RefusesAnotherPastAndAnotherKey) {
  record(20);
  ASSERT_TRUE(witness(key()));
  server_.root[3] ^= 1;
  record(20);
  auto refused = witness();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::conflict);
  server_.size = 0;
  server_.key = *base::SigningKey::generate();
  EXPECT_FALSE(witness()) << "it signed with another key than before";
  EXPECT_FALSE(witness(key())) << "and it cannot be given another one";
}

}  // namespace
}  // namespace hv::audit
