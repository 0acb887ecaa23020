#include "service/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/reader.h"
#include "service/aging_ledger_test.h"

namespace hv::service {
namespace {

using std::chrono_literals::operator""h;

class RetentionTest : public AgingLedgerTest {
 protected:
  RetentionTest() {
    retention_ = std::make_unique<Retention>(Retention::Options{
        *ledger_, [this] { return rules_; }, [this](base::WallTime time) { return first_since(time); }, clock_});
  }

  // About a segment each time, an hour apart.
  void live(int hours) {
    for (int hour = 0; hour < hours; ++hour, clock_.tick(1h)) {
      for (int i = 0; i < 30; ++i) record("exec.started", "", std::to_string(i));
      ASSERT_TRUE(ledger_->seal());
    }
  }
  int steps() { return steps_of(*retention_); }
  size_t segments() { return audit::list_segments(ledger_->directory())->size(); }
  uint64_t first() { return audit::first_entry(*audit::list_segments(ledger_->directory())); }
  uint64_t with_payloads() {
    uint64_t count = 0;
    audit::Reader reader(ledger_->directory());
    EXPECT_TRUE(reader.scan({}, [&](const audit::Entry& entry) {
      count += entry.envelope.kind == "exec.started" && entry.payload_state == audit::PayloadState::present ? 1 : 0;
      return true;
    }));
    return count;
  }
  std::vector<std::string> reasons(const std::string& kind) {
    std::vector<std::string> result;
    audit::Query query;
    query.kind_prefix = kind;
    audit::Reader reader(ledger_->directory());
    EXPECT_TRUE(reader.scan(query, [&](const audit::Entry& entry) {
      result.emplace_back(std::string_view(audit::to_event(entry)->payload.at("reason").as_string()));
      return true;
    }));
    return result;
  }

  Retention::Rules rules_;
  std::unique_ptr<Retention> retention_;
};

TEST_F(RetentionTest, PacksAndKeepsEverythingUnlessToldOtherwise) {
  live(10);
  size_t before = segments();
  ASSERT_GT(before, 5u);
  EXPECT_EQ(steps(), static_cast<int>(before - 1)) << "one segment a step";
  EXPECT_EQ(segments(), before);
  EXPECT_EQ(with_payloads(), 300u);
  EXPECT_EQ(steps(), 0);
  expect_intact();
}

TEST_F(RetentionTest, ForgetsPayloadsThatAreTooOldAndSaysWhy) {
  rules_.keep_payloads = 4h;
  live(10);
  steps();
  EXPECT_EQ(first(), 0u);
  EXPECT_EQ(with_payloads(), 4u * 30);
  EXPECT_THAT(reasons("ledger.payload_deleted"), testing::Each("older than 4h (audit.keep_payloads in config.toml)"));
  expect_intact();
  live(2);
  steps();
  EXPECT_EQ(with_payloads(), 6u * 30) << "once a day is often enough";
  clock_.tick(24h);
  steps();
  EXPECT_EQ(with_payloads(), 0u);
  size_t told = reasons("ledger.payload_deleted").size();
  clock_.tick(25h);
  steps();
  EXPECT_EQ(reasons("ledger.payload_deleted").size(), told) << "nothing is said when nothing goes";
  expect_intact();
}

TEST_F(RetentionTest, LetsSegmentsGoThatAreTooOldPayloadsFirst) {
  rules_.keep = 5h;
  live(10);
  steps();
  audit::Reader reader(ledger_->directory());
  audit::Entry oldest = *reader.at(first());
  EXPECT_GT(first(), 0u);
  EXPECT_GE(oldest.envelope.time, clock_.wall() - 7h) << "a segment more at most";
  EXPECT_LE(oldest.envelope.time, clock_.wall() - 4h) << "nothing goes too early";
  EXPECT_THAT(reasons("ledger.pruned"), testing::Each("older than 5h (audit.keep in config.toml)"));
  EXPECT_EQ(reasons("ledger.payload_deleted").size(), reasons("ledger.pruned").size());
  auto gone = reader.at(0);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().text(), testing::HasSubstr("pruned"));
  expect_intact();
}

TEST_F(RetentionTest, ShrinksByPayloadsBeforeAnyRecordGoes) {
  live(40);
  steps();
  auto bytes = [&] {
    uint64_t sum = 0;
    for (const audit::SegmentFile& file : *audit::list_segments(ledger_->directory()))
      sum += base::read_file(file.path)->size();
    return sum;
  };
  uint64_t packed = bytes();
  rules_.keep_bytes = packed - 1;
  EXPECT_TRUE(*retention_->step());
  EXPECT_EQ(first(), 0u);
  EXPECT_LT(with_payloads(), 40u * 30);
  rules_.keep_bytes = packed / 2;
  steps();
  EXPECT_LE(bytes(), packed / 2 + (16 << 10)) << "the segment that is being written stays";
  EXPECT_GT(first(), 0u);
  EXPECT_FALSE(reasons("ledger.pruned").empty());
  EXPECT_THAT(reasons("ledger.pruned").front(), testing::HasSubstr("audit.keep_bytes"));
  expect_intact();
}

TEST_F(RetentionTest, LetsNothingGoWhenTheRulesCannotBeRead) {
  live(10);
  Retention unsure({*ledger_, [] { return base::Failure(base::invalid_argument("config.toml:3:1: what is this")); },
                    [this](base::WallTime time) { return first_since(time); }, clock_});
  base::Result<bool> more = true;
  while (more && *more) more = unsure.step();
  EXPECT_FALSE(more);
  EXPECT_EQ(with_payloads(), 300u);
  EXPECT_EQ(first(), 0u);
}

}  // namespace
}  // namespace hv::service
