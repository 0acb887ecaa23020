#include "service/proof_cases.h"

#include <cstdlib>
#include <deque>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/remove_tree.h"

namespace hv::service {
namespace {

using std::chrono::hours;

class Turns final : public base::Reactor {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  base::Subscription watch(int, Interest, std::function<void()>) override { return {}; }
  base::Subscription after(std::chrono::nanoseconds, std::function<void()>) override { return {}; }
  void turn() {
    for (; !tasks_.empty(); tasks_.pop_front()) tasks_.front()();
  }

 private:
  std::deque<std::function<void()>> tasks_;
};

class MovableClock final : public base::Clock {
 public:
  base::WallTime wall() const override { return base::system_clock().wall() + moved; }
  base::MonotonicTime monotonic() const override { return base::system_clock().monotonic(); }
  std::chrono::nanoseconds moved{0};
};

class ProofCasesTest : public testing::Test {
 protected:
  ProofCasesTest() {
    std::string pattern = "/tmp/hv-proofs-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    audit::Ledger::Options options;
    options.directory = directory_ + "/ledger";
    ledger_ = *audit::Ledger::open(options);
  }
  ~ProofCasesTest() override {
    ledger_.reset();
    (void)base::remove_tree(directory_);
  }
  ProofCases cases() {
    return ProofCases({loop_, *ledger_, clock_, directory_ + "/cache", "user:1000",
                       [](const std::function<void()>& task) { task(); },
                       [this](const std::string&) -> base::Result<core::ProofSubject> { return subject_; }});
  }
  uint64_t sign(bool held = true) {
    core::Proof proof;
    proof.name = "web";
    proof.subject = subject_;
    proof.held = held;
    proof.verdicts["keyctl"] = held ? "held" : "got_through";
    if (!held) proof.failed = {{"keyctl", "calls", core::ProbeStatus::got_through, "5", {}}};
    std::optional<base::Result<uint64_t>> index;
    cases().sign("s1", proof, [&](base::Result<uint64_t> result) { index = std::move(result); });
    loop_.turn();
    EXPECT_TRUE(index && *index);
    return **index;
  }
  std::string refusal(std::optional<std::chrono::milliseconds> oldest = {}) {
    auto found = cases().find(subject_, oldest);
    return found ? "" : found.error().message();
  }

  std::string directory_;
  Turns loop_;
  MovableClock clock_;
  std::unique_ptr<audit::Ledger> ledger_;
  core::ProofSubject subject_{"mine", "p", "plan", {}, "Linux", "m", "0.1.0"};
};

TEST_F(ProofCasesTest, ASignedProofIsFoundAgainAndUnderACheckpoint) {
  EXPECT_EQ(refusal(), "there is none");
  uint64_t index = sign();
  EXPECT_EQ(*cases().find(subject_, {}), index);
  EXPECT_GT(ledger_->standing().sealed, index);
  auto listed = *cases().list("", 10);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].index, index);
  EXPECT_EQ(listed[0].durability, core::Durability::sealed);
  EXPECT_EQ(listed[0].stale, "");
  EXPECT_EQ(listed[0].proof.verdicts.at("keyctl"), "held");
  EXPECT_EQ(cases().list("web", 10)->size(), 1u);
  EXPECT_EQ(cases().list("other", 10)->size(), 0u);
}

TEST_F(ProofCasesTest, AProofInWhichSomethingGotThroughTakesThePlaceOfAGoodOne) {
  sign();
  uint64_t bad = sign(false);
  EXPECT_EQ(refusal(), "1 of 1 probes got through in the last one, record " + std::to_string(bad) + " of the ledger");
  EXPECT_FALSE(cases().at(bad));
  EXPECT_EQ(cases().list("", 10)->at(0).stale, refusal());
}

TEST_F(ProofCasesTest, AnotherPolicyKernelOrVersionNeedsItsOwn) {
  sign();
  for (std::string core::ProofSubject::* member : {&core::ProofSubject::policy_digest, &core::ProofSubject::kernel,
                                                   &core::ProofSubject::machine, &core::ProofSubject::version}) {
    core::ProofSubject wanted = subject_;
    wanted.*member += "x";
    EXPECT_FALSE(cases().find(wanted, {}));
  }
  core::ProofSubject weaker = subject_;
  weaker.variant = {"without seccomp"};
  EXPECT_FALSE(cases().find(weaker, {}));
}

TEST_F(ProofCasesTest, AProofGrowsOldAndOneFromTheFutureHasNoAge) {
  sign();
  clock_.moved = hours(23);
  EXPECT_EQ(refusal(hours(24)), "");
  clock_.moved = hours(25);
  EXPECT_EQ(refusal(hours(24)), "the last one is 1d1h old, and 1d are allowed");
  EXPECT_EQ(refusal(), "");
  clock_.moved = -hours(1);
  EXPECT_EQ(refusal(hours(24)), "the last one bears a time that is still to come");
}

TEST_F(ProofCasesTest, WhatIsRememberedOfTheLedgerIsNotBelieved) {
  uint64_t index = sign(false);
  uint64_t other = *ledger_->record([] {
    core::Event event;
    event.kind = "sandbox.created";
    event.principal = "user:1000";
    return event;
  }());
  ASSERT_TRUE(ledger_->seal());
  auto names = [&](const std::string& text) {
    std::filesystem::directory_iterator only(directory_ + "/cache");
    ASSERT_TRUE(base::replace_file(only->path(), text));
  };
  for (const std::string& text : {std::to_string(other), std::string("99999"), std::string("x"), std::string()}) {
    names(text);
    EXPECT_EQ(refusal(), "there is none") << text;
  }
  names(std::to_string(index));
  EXPECT_NE(refusal(), "");
}

}  // namespace
}  // namespace hv::service
