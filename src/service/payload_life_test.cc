#include "service/payload_life.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/frame.h"
#include "audit/reader.h"
#include "audit/segment.h"
#include "base/fd.h"
#include "service/aging_ledger_test.h"

namespace hv::service {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;

const std::string kOne = "s0123456789abcdef";
const std::string kOther = "s1123456789abcdef";
constexpr uint64_t kHour = 3'600'000;

class PayloadLifeTest : public AgingLedgerTest {
 protected:
  PayloadLifeTest() { open(); }
  void open() {
    life_ = std::make_unique<PayloadLife>(PayloadLife::Options{
        directory_ + "/retention", *ledger_, [this](base::WallTime time) { return first_since(time); },
        [this](const std::string& sandbox, uint64_t from, uint64_t before) { return first_of(sandbox, from, before); },
        [this](const std::string& sandbox) { return there_.contains(sandbox); }, clock_});
  }
  // Both of them at once, an hour apart; about half a segment each time.
  void live(int hours) {
    for (int hour = 0; hour < hours; ++hour, clock_.tick(1h)) {
      for (int i = 0; i < 15; ++i)
        for (const std::string& sandbox : {kOne, kOther}) record("exec.started", sandbox);
      ASSERT_TRUE(ledger_->seal());
    }
  }
  void record(const std::string& kind, const std::string& sandbox) {
    AgingLedgerTest::record(kind, sandbox, "secret of " + sandbox);
  }
  base::Result<std::optional<uint64_t>> first_of(const std::string& sandbox, uint64_t from, uint64_t before) {
    ++asked_;
    audit::Query query;
    query.from = from;
    query.before = before;
    query.sandbox = sandbox;
    std::optional<uint64_t> first;
    HV_TRY(audit::Reader(ledger_->directory()).scan(query, [&](const audit::Entry& entry) {
      if (entry.payload_state != audit::PayloadState::deleted && audit::Ledger::can_forget(entry.envelope, sandbox))
        first = entry.envelope.index;
      return !first;
    }));
    return first;
  }
  int steps() { return steps_of(*life_); }
  std::set<std::string> kinds_with_payload(const std::string& sandbox) {
    std::set<std::string> kinds;
    for (const audit::Entry& entry : entries(sandbox))
      if (entry.payload_state == audit::PayloadState::present) kinds.insert(entry.envelope.kind);
    return kinds;
  }
  size_t with_payloads(const std::string& sandbox) {
    size_t count = 0;
    for (const audit::Entry& entry : entries(sandbox))
      count += entry.payload_state == audit::PayloadState::present && entry.envelope.kind == "exec.started" ? 1 : 0;
    return count;
  }
  std::vector<audit::Entry> entries(const std::string& sandbox) {
    audit::Query query;
    query.sandbox = sandbox;
    return *audit::Reader(ledger_->directory()).list(query);
  }

  std::set<std::string> there_{kOne, kOther};
  int asked_ = 0;
  std::unique_ptr<PayloadLife> life_;
};

TEST_F(PayloadLifeTest, DeletesWhatIsOldOfTheOneSandboxAlone) {
  ASSERT_TRUE(life_->note(kOne, "mine", 5 * kHour));
  live(20);
  EXPECT_GT(steps(), 3) << "one segment a step";
  EXPECT_EQ(with_payloads(kOne), 5u * 15);
  EXPECT_EQ(with_payloads(kOther), 20u * 15);
  for (const audit::Entry& entry : entries(kOne))
    if (entry.envelope.kind == "ledger.payload_deleted")
      EXPECT_THAT(entry.payload, testing::HasSubstr("older than 5h (audit.keep_payloads of policy 'mine')"));
  // Not the bytes either.
  std::string bytes;
  for (const audit::SegmentFile& file : *audit::list_segments(ledger_->directory()))
    bytes += *base::read_file(file.path);
  size_t left = 0;
  for (size_t at = bytes.find("secret of " + kOne); at != std::string::npos;
       at = bytes.find("secret of " + kOne, at + 1))
    ++left;
  EXPECT_EQ(left, 5u * 15);
  expect_intact();
}

TEST_F(PayloadLifeTest, WhatNobodyAnnouncedIsFoundEvenBesideWhatWas) {
  ASSERT_TRUE(life_->note(kOne, "mine", 5 * kHour));
  live(20);
  steps();
  // Somebody deletes a payload of the other one in the same range: no event says so of that sandbox.
  uint64_t victim = entries(kOther).front().envelope.index;
  std::vector<audit::SegmentFile> segments = *audit::list_segments(ledger_->directory());
  audit::Segment segment = *audit::Segment::load(segments.front());
  std::string bytes = segment.bytes();
  bytes[segment.offset(victim) + audit::kStateOffset] = audit::kPayloadDeleted;
  ASSERT_TRUE(base::replace_file(segments.front().path, bytes));
  ASSERT_TRUE(ledger_->seal());
  audit::Report report = *audit::verify(ledger_->directory());
  ASSERT_FALSE(report.intact());
  EXPECT_THAT(report.problems[0].message, testing::HasSubstr("no ledger.payload_deleted says so"));
}

TEST_F(PayloadLifeTest, GoesOnWithTheNextDaemonAndEndsWithTheSandboxsLastPayload) {
  ASSERT_TRUE(life_->note(kOne, "mine", 5 * kHour));
  live(3);
  record("probe.proof", kOne);
  record("sandbox.removed", kOne);
  there_.erase(kOne);
  EXPECT_EQ(steps(), 0);
  open();
  EXPECT_TRUE(life_->problem().empty());
  clock_.tick(6h);
  EXPECT_GT(steps(), 0);
  EXPECT_EQ(kinds_with_payload(kOne), (std::set<std::string>{"ledger.payload_deleted", "probe.proof"}));
  EXPECT_FALSE(base::path_exists(directory_ + "/retention/" + kOne));
  clock_.tick(24h);
  int before = asked_;
  EXPECT_EQ(steps(), 0);
  EXPECT_EQ(asked_, before) << "nothing is remembered of it";
  expect_intact();
}

TEST_F(PayloadLifeTest, LooksAgainOnlyAfterAnEighthOfTheTime) {
  ASSERT_TRUE(life_->note(kOne, "mine", 8 * kHour));
  live(1);
  steps();
  int before = asked_;
  clock_.tick(59min);
  steps();
  EXPECT_EQ(asked_, before);
  clock_.tick(2min);
  steps();
  EXPECT_GT(asked_, before);
  // A clock that is set back holds nothing up for longer.
  clock_.tick(-30h);
  before = asked_;
  steps();
  EXPECT_GT(asked_, before);
}

TEST_F(PayloadLifeTest, TheLastStartsPolicyHolds) {
  ASSERT_TRUE(life_->note(kOne, "mine", 5 * kHour));
  ASSERT_TRUE(life_->note(kOne, "other", 0));
  live(20);
  EXPECT_EQ(steps(), 0);
  EXPECT_EQ(with_payloads(kOne), 20u * 15);
  EXPECT_FALSE(base::path_exists(directory_ + "/retention/" + kOne));
  ASSERT_TRUE(base::replace_file(directory_ + "/retention/" + kOther, "{\"keep_ms\": 5}"));
  open();
  EXPECT_THAT(life_->problem(), testing::HasSubstr(kOther));
}

}  // namespace
}  // namespace hv::service
