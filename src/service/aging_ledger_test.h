// A ledger of small segments and a clock that its test moves, for what is done to records that have become old.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "audit/ledger.h"
#include "audit/reader.h"
#include "audit/test_directory.h"
#include "audit/verify.h"
#include "base/remove_tree.h"

namespace hv::service {

class AgingLedgerTest : public testing::Test {
 protected:
  AgingLedgerTest() {
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/hv-service-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    audit::Ledger::Options options;
    options.directory = directory_ + "/ledger";
    options.clock = &clock_;
    options.segment_bytes = 16 << 10;
    options.key_period = std::chrono::seconds(0);
    ledger_ = *audit::Ledger::open(options);
  }
  ~AgingLedgerTest() override {
    ledger_.reset();
    (void)base::remove_tree(directory_);
  }
  void record(const std::string& kind, const std::string& sandbox, const std::string& text) {
    core::Event event;
    event.kind = kind;
    event.principal = "system";
    event.sandbox = sandbox;
    event.payload = {{"text", text}};
    ASSERT_TRUE(ledger_->record(event));
  }
  base::Result<uint64_t> first_since(base::WallTime time) {
    audit::Query query;
    query.since = time;
    query.limit = 1;
    auto found = HV_TRY(audit::Reader(ledger_->directory()).list(query));
    return found.empty() ? ledger_->size() : found[0].envelope.index;
  }
  // Until there is nothing to do; how many steps that took.
  template <typename Keeper>
  int steps_of(Keeper& keeper) {
    for (int count = 0;; ++count) {
      auto more = keeper.step();
      EXPECT_TRUE(more) << more.error().text();
      if (!more || !*more) return count;
      EXPECT_LT(count, 1000);
    }
  }
  void expect_intact() {
    ASSERT_TRUE(ledger_->seal());
    audit::Report report = *audit::verify(ledger_->directory());
    EXPECT_TRUE(report.intact()) << report.problems[0].message;
  }

  audit::TestClock clock_;
  std::string directory_;
  std::unique_ptr<audit::Ledger> ledger_;
};

}  // namespace hv::service
