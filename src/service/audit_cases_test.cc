#include "service/audit_cases.h"

#include <atomic>
#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "audit/merkle.h"
#include "base/fd.h"
#include "base/remove_tree.h"
#include "base/text.h"

namespace hv::service {
namespace {

const std::string kSandbox = "s0000000000000001";

class Sandboxes final : public SandboxLookup {
 public:
  base::Result<SandboxView> find(std::string_view sandbox) const override {
    if (sandbox != "web" && sandbox != kSandbox) return base::Failure(base::not_found("no sandbox 'x'"));
    SandboxView view;
    view.info.id = kSandbox;
    return view;
  }
};

class AuditCasesTest : public testing::Test {
 protected:
  AuditCasesTest() {
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/hv-service-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    audit::Ledger::Options options;
    options.directory = directory_ + "/ledger";
    auto opened = audit::Ledger::open(options);
    EXPECT_TRUE(opened) << opened.error().text();
    ledger_ = *std::move(opened);
    first_ = ledger_->size();
    index_ = std::make_unique<index::Index>(index::Index::Options{directory_ + "/ledger", directory_ + "/ledger/index",
                                                                  [this] { return ledger_->standing().durable; }});
    ledger_->on_durable([this] { index_->wake(); });
  }
  ~AuditCasesTest() override {
    ledger_->on_durable({});
    index_.reset();
    ledger_.reset();
    (void)base::remove_tree(directory_);
  }

  uint64_t record(const std::string& kind, const std::string& sandbox = {}, base::json::Object payload = {}) {
    core::Event event;
    event.kind = kind;
    event.sandbox = sandbox;
    event.principal = "system";
    event.payload = std::move(payload);
    auto index = ledger_->record(event);
    EXPECT_TRUE(index) << index.error().text();
    return index.value_or(0);
  }
  static std::vector<std::string> kinds(const base::Result<core::AuditPage>& page) {
    std::vector<std::string> all;
    if (!page) return {page.error().text()};
    for (const core::AuditRecord& record : page->records) all.push_back(record.event.kind);
    return all;
  }

  std::string directory_;
  std::unique_ptr<audit::Ledger> ledger_;
  std::unique_ptr<index::Index> index_;
  uint64_t first_ = 0;  // index of the first event that a test records
  Sandboxes sandboxes_;
};

using Kinds = std::vector<std::string>;

TEST_F(AuditCasesTest, PagesFollowEachOtherWithoutGapOrRepeat) {
  for (const char* kind : {"a.one", "b.two", "a.three", "b.four"}) record(kind);
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  core::AuditQuery query;
  query.limit = 3;
  if (first_ > 0) query.after = first_ - 1;
  auto page = cases.audit_events(query);
  EXPECT_EQ(kinds(page), (Kinds{"a.one", "b.two", "a.three"}));
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->complete);
  EXPECT_EQ(page->seen, first_ + 2);
  query.after = page->seen;
  page = cases.audit_events(query);
  EXPECT_EQ(kinds(page), Kinds{"b.four"});
  EXPECT_TRUE(page->complete);
  EXPECT_EQ(page->seen, first_ + 3);
  query.after = page->seen;
  page = cases.audit_events(query);
  EXPECT_EQ(kinds(page), Kinds{});
  EXPECT_EQ(page->seen, first_ + 3);
}

TEST_F(AuditCasesTest, AFilteredPageHasSeenWhatItSkipped) {
  record("a.one");
  record("b.two");
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  core::AuditQuery query;
  query.kind = "a.";
  auto page = cases.audit_events(query);
  EXPECT_EQ(kinds(page), Kinds{"a.one"});
  EXPECT_EQ(page->seen, first_ + 1);
  EXPECT_TRUE(page->complete);
}

TEST_F(AuditCasesTest, AFullPageOfPayloadsEndsBeforeItsLimit) {
  base::json::Object payload{{"text", std::string(60'000, 'x')}};
  size_t count = AuditCases::kPageBytes / 60'000 + 10;
  for (size_t i = 0; i < count; ++i) record("a.big", {}, payload);
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  auto page = cases.audit_events({});
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->complete);
  EXPECT_LT(page->records.size(), count);
  EXPECT_EQ(page->seen, page->records.back().index);
}

TEST_F(AuditCasesTest, ASandboxIsFoundByNameIdAndByTheNameItHadBeforeItWasRemoved) {
  const std::string gone = "s0000000000000002";
  record("exec.started", kSandbox);
  record("sandbox.removed", "s0000000000000003", {{"name", "old"}});
  record("sandbox.removed", gone, {{"name", "old"}});
  record("exec.exited", gone);
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  core::AuditQuery query;
  query.sandbox = "web";
  EXPECT_EQ(kinds(cases.audit_events(query)), Kinds{"exec.started"});
  query.sandbox = kSandbox;
  EXPECT_EQ(kinds(cases.audit_events(query)), Kinds{"exec.started"});
  query.sandbox = "old";
  EXPECT_EQ(kinds(cases.audit_events(query)), (Kinds{"sandbox.removed", "exec.exited"}));
  query.sandbox = "never";
  auto unknown = cases.audit_events(query);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), base::ErrorCode::not_found);
}

TEST_F(AuditCasesTest, RefusesLimitsOutOfRange) {
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  for (uint64_t limit : {uint64_t{0}, uint64_t{10'001}}) {
    core::AuditQuery query;
    query.limit = limit;
    auto page = cases.audit_events(query);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code(), base::ErrorCode::invalid_argument);
  }
}

TEST_F(AuditCasesTest, ThePagesOfASearchFollowEachOtherFromTheNewest) {
  for (int i = 0; i < 10; ++i) record(i % 2 == 0 ? "a.even" : "a.odd", kSandbox, {{"text", "number"}, {"n", i}});
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  core::AuditQuery query;
  query.text = "number";
  query.kind = "a.odd";
  query.newest_first = true;
  query.limit = 2;
  std::vector<uint64_t> seen;
  for (int pages = 0; pages < 10; ++pages) {
    auto page = cases.audit_events(query);
    ASSERT_TRUE(page) << page.error().text();
    for (const core::AuditRecord& found : page->records) seen.push_back(found.index - first_);
    if (page->complete) break;
    query.before = page->seen;
  }
  EXPECT_EQ(seen, (std::vector<uint64_t>{9, 7, 5, 3, 1}));
}

TEST_F(AuditCasesTest, PrunesOnlyWhatIsNamedAndSaysWhy) {
  record("a.one", kSandbox, {{"text", "old"}});
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  EXPECT_FALSE(cases.audit_prune({.reason = "x"}));
  EXPECT_FALSE(cases.audit_prune({.before = base::system_clock().wall()}));
  auto nothing = cases.audit_prune({.payloads_before = base::WallTime{}, .reason = "x"});
  ASSERT_TRUE(nothing) << nothing.error().text();
  EXPECT_FALSE(nothing->payloads_first);
  auto gone = cases.audit_prune({.payloads_before = base::system_clock().wall(), .reason = "a year is enough"});
  ASSERT_TRUE(gone) << gone.error().text();
  EXPECT_EQ(gone->payloads_last, first_);
  EXPECT_TRUE(cases.audit_event(first_)->redacted);
  auto said = cases.audit_event(ledger_->size() - 1);
  EXPECT_EQ(said->event.kind, "ledger.payload_deleted");
  EXPECT_EQ(said->event.principal, "user:7");
  EXPECT_TRUE(cases.audit_verify(false)->intact);
}

TEST_F(AuditCasesTest, ASealedEventShowsItsLeafAndADeletedPayloadLeavesTheEnvelope) {
  uint64_t index = record("a.one", kSandbox, {{"text", "x"}});
  ASSERT_TRUE(ledger_->seal());
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  auto found = cases.audit_event(index);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->durability, core::Durability::sealed);
  EXPECT_EQ(found->leaf_hash.size(), 64u);
  EXPECT_FALSE(found->redacted);
  EXPECT_EQ(base::json::serialize(found->event.payload), R"({"text":"x"})");
  ASSERT_TRUE(ledger_->delete_payloads(index, index, "system", "test"));
  auto redacted = cases.audit_event(index);
  ASSERT_TRUE(redacted) << redacted.error().text();
  EXPECT_TRUE(redacted->redacted);
  EXPECT_EQ(redacted->event.kind, "a.one");
  EXPECT_EQ(redacted->event.sandbox, kSandbox);
  EXPECT_TRUE(redacted->event.payload.empty());
  EXPECT_EQ(redacted->leaf_hash, found->leaf_hash);
  auto missing = cases.audit_event(1'000'000);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), base::ErrorCode::not_found);
}

TEST_F(AuditCasesTest, AWatcherIsWokenOnceForEachTimeItLookedAndNotAfterItLeft) {
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  std::atomic<int> wakes = 0;
  core::Subscription watch = cases.watch_audit([&] { ++wakes; });
  record("a.one");
  record("a.two");
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(kinds(cases.audit_events({})).back(), "a.two");
  record("a.three");
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(kinds(cases.audit_events({})).back(), "a.three");
  watch.reset();
  record("a.four");
  EXPECT_EQ(wakes, 2);
}

TEST_F(AuditCasesTest, VerifyReportsAnIntactLedgerAndPointsAtAChangedEntry) {
  record("a.one", kSandbox, {{"text", "original"}});
  AuditCases cases(*ledger_, *index_, sandboxes_, "user:7");
  auto report = cases.audit_verify(false);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->intact);
  EXPECT_EQ(report->entries, ledger_->size());
  EXPECT_EQ(report->sealed, report->entries);
  EXPECT_EQ(report->root_hash.size(), 64u);

  auto segments = audit::list_segments(ledger_->directory());
  ASSERT_TRUE(segments && !segments->empty());
  std::string path = segments->front().path;
  std::string bytes = base::read_file(path).value_or("");
  size_t place = bytes.find("original");
  ASSERT_NE(place, std::string::npos);
  bytes.replace(place, 8, "modified");
  ASSERT_TRUE(base::replace_file(path, bytes));
  report = cases.audit_verify(false);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_FALSE(report->intact);
  ASSERT_FALSE(report->faults.empty());
}

}  // namespace
}  // namespace hv::service
