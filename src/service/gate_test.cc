#include "service/gate.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"
#include "service/access_cases.h"

namespace hv::service {
namespace {

class Records final : public core::Recorder {
 public:
  base::Result<uint64_t> record(const core::Event& event) override {
    if (full) return base::Failure(base::io_error("no space"));
    events.push_back(event);
    return events.size() - 1;
  }
  std::string text(size_t index, std::string_view member) const {
    return std::string(events.at(index).payload.at(member).get_string());
  }
  bool full = false;
  std::vector<core::Event> events;
};

class Sandboxes final : public SandboxLookup {
 public:
  base::Result<SandboxView> find(std::string_view sandbox) const override {
    if (sandbox != "web" && sandbox != "s0123456789abcdef") return base::Failure(base::not_found("no such sandbox"));
    SandboxView view;
    view.info.id = "s0123456789abcdef";
    view.info.name = "web";
    view.info.made_by = "agent:ci";
    return view;
  }
};

class GateTest : public testing::Test {
 protected:
  GateTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hv-gate-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    book_.emplace(directory_ + "/access.toml", ::geteuid());
    tokens_.emplace(directory_ + "/tokens.json");
    gate_.emplace(Gate::Collaborators{*book_, *tokens_, records_, denials_, sandboxes_, base::system_clock()});
    cases_.emplace(*book_, *tokens_, records_, sandboxes_, base::system_clock());
  }
  ~GateTest() override { std::filesystem::remove_all(directory_); }

  Visitor owner() { return *gate_->enter({::geteuid(), ""}); }
  Visitor with(const std::string& token) { return *gate_->enter({::geteuid(), token}); }
  core::TokenMade token(const std::string& principal, std::optional<std::string> role) {
    core::TokenRequest request;
    request.principal = principal;
    request.role = std::move(role);
    auto made = cases_->make(owner(), request);
    EXPECT_TRUE(made) << made.error().text();
    return *made;
  }

  std::string directory_;
  Records records_;
  Denials denials_{records_, [] {}};
  Sandboxes sandboxes_;
  std::optional<access::Book> book_;
  std::optional<access::TokenStore> tokens_;
  std::optional<Gate> gate_;
  std::optional<AccessCases> cases_;
};

TEST_F(GateTest, RecordsEachDenialWithWhoWhatAndWhy) {
  std::string ci = token("agent:ci", "sandboxed").token;
  records_.events.clear();
  Visitor visitor = with(ci);
  EXPECT_EQ(*visitor.may(core::Action::exec, "web"), "s0123456789abcdef");
  EXPECT_TRUE(records_.events.empty());
  auto denied = visitor.may(core::Action::apply, "web");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), base::ErrorCode::denied);
  ASSERT_EQ(records_.events.size(), 1u);
  EXPECT_EQ(records_.events[0].kind, "access.denied");
  EXPECT_EQ(records_.events[0].principal, "agent:ci");
  EXPECT_EQ(records_.events[0].sandbox, "s0123456789abcdef");
  EXPECT_EQ(records_.text(0, "action"), "apply");
  EXPECT_EQ(records_.text(0, "rule"), "nothing allows agent:ci 'apply'");
  EXPECT_EQ(records_.text(0, "token_id"), ci.substr(3, 10));
}

TEST_F(GateTest, TheIdOfASandboxThatIsGoneIsNoNameForAPattern) {
  ASSERT_TRUE(
      base::replace_file(directory_ + "/access.toml",
                         "version = 1\n[roles.reader]\n[principals.\"agent:ci\"]\nrole = \"reader\"\n"
                         "[[grants]]\nprincipal = \"agent:ci\"\nallow = [\"audit.read\"]\nsandboxes = [\"s*\"]\n",
                         0600));
  Visitor visitor = with(token("agent:ci", {}).token);
  EXPECT_TRUE(visitor.may(core::Action::audit_read, "shop"));
  EXPECT_FALSE(visitor.may(core::Action::audit_read, "s9999999999999999"));
  EXPECT_FALSE(visitor.may(core::Action::audit_read, "web"));
}

TEST_F(GateTest, ATokenThatHasExpiredDoesNotComeBackWithAClockThatIsSetBack) {
  struct SetClock : base::Clock {
    base::WallTime now = base::system_clock().wall();
    base::WallTime wall() const override { return now; }
    base::MonotonicTime monotonic() const override { return {}; }
  } clock;
  Gate gate({*book_, *tokens_, records_, denials_, sandboxes_, clock});
  std::string ci = token("agent:ci", "sandboxed").token;
  EXPECT_TRUE(gate.enter({::geteuid(), ci}));
  base::WallTime before = clock.now;
  clock.now += std::chrono::hours(24 * 366);
  // Whoever asks: it need not be the one who has the token.
  EXPECT_TRUE(gate.enter({::geteuid(), ""}));
  clock.now = before;
  EXPECT_FALSE(gate.enter({::geteuid(), ci}));
  // Nor does it with a daemon that starts anew.
  EXPECT_FALSE(access::TokenStore(directory_ + "/tokens.json").find(ci, before));
}

TEST_F(GateTest, DeniesAlsoWhereTheLedgerIsFullAndAllowsNothingThatHasToBeRecorded) {
  std::string ci = token("agent:ci", "sandboxed").token;
  std::string audited = token("agent:clerk", "audited").token;
  EXPECT_TRUE(with(audited).may(core::Action::exec, "web"));
  EXPECT_EQ(records_.events.back().kind, "access.allowed");
  records_.full = true;
  EXPECT_FALSE(with(ci).may(core::Action::apply, "web"));
  EXPECT_FALSE(with(audited).may(core::Action::exec, "web"));
  EXPECT_TRUE(with(ci).may(core::Action::exec, "web"));
  EXPECT_FALSE(gate_->enter({::geteuid(), "hv_wrong"}));
}

TEST_F(GateTest, TellsNobodyWhetherThereIsASandboxThatHeMayNotSee) {
  Visitor visitor = with(token("agent:other", "sandboxed").token);
  std::string there = visitor.may(core::Action::sandbox_read, "web").error().text();
  std::string absent = visitor.may(core::Action::sandbox_read, "api").error().text();
  EXPECT_EQ(there.replace(there.find("web"), 3, "api"), absent);
  // Who may see all learns from the operation itself that there is none.
  EXPECT_EQ(*owner().may(core::Action::sandbox_read, "api"), "api");
}

TEST_F(GateTest, LooksAtTokenAndRulesAgainForEachThing) {
  core::TokenMade made = token("agent:ci", "sandboxed");
  Visitor visitor = with(made.token);
  EXPECT_TRUE(visitor.may_still(core::Action::logs, "web"));
  EXPECT_TRUE(cases_->revoke(owner(), made.info.id));
  EXPECT_FALSE(visitor.may_still(core::Action::logs, "web"));
  Visitor me = owner();
  EXPECT_TRUE(me.may(core::Action::policy_write));
  ASSERT_TRUE(base::replace_file(directory_ + "/access.toml",
                                 "version = 1\n[principals.\"" + me.name() + "\"]\nrole = \"sandboxed\"\n", 0600));
  EXPECT_FALSE(me.may(core::Action::policy_write));
  EXPECT_EQ(me.ceilings(), std::vector<std::string>{"restricted"});
}

TEST_F(GateTest, AdmitsWhoTheFileKnows) {
  uint32_t stranger = ::geteuid() + 1;
  EXPECT_FALSE(gate_->admits(stranger));
  EXPECT_TRUE(gate_->admits(::geteuid()));
  ASSERT_TRUE(base::replace_file(
      directory_ + "/access.toml",
      "version = 1\n[principals.\"user:" + std::to_string(stranger) + "\"]\nrole = \"audited\"\n", 0600));
  EXPECT_TRUE(gate_->admits(stranger));
  EXPECT_FALSE(gate_->admits(stranger + 1));
}

TEST_F(GateTest, MakesNoTokenThatCouldNotBeRecordedNorOneThatIsGoodForNothing) {
  core::TokenRequest request;
  request.principal = "agent:ci";
  EXPECT_EQ(cases_->make(owner(), request).error().code(), base::ErrorCode::conflict);
  request.role = "sandboxd";
  auto unknown = cases_->make(owner(), request);
  EXPECT_EQ(unknown.error().code(), base::ErrorCode::not_found);
  EXPECT_NE(unknown.error().hint().find("sandboxed"), std::string::npos);
  request.role = "sandboxed";
  records_.full = true;
  EXPECT_FALSE(cases_->make(owner(), request));
  EXPECT_TRUE(tokens_->list(base::system_clock().wall())->empty());
}

// Whatever an agent's role, its token gives nobody more than it has.
TEST_F(GateTest, LetsNoAgentMintForOthersOrWithAnotherRole) {
  Visitor agent = with(token("agent:ci", "trusted").token);
  auto refused = [&](const std::string& principal, std::optional<std::string> role) {
    core::TokenRequest request;
    request.principal = principal;
    request.role = std::move(role);
    auto made = cases_->make(agent, request);
    return !made && made.error().code() == base::ErrorCode::denied;
  };
  EXPECT_TRUE(refused("agent:other", std::nullopt));
  EXPECT_TRUE(refused("agent:ci", "audited"));
  EXPECT_TRUE(refused(owner().name(), std::nullopt));
  EXPECT_FALSE(refused("agent:ci", std::nullopt));
}

}  // namespace
}  // namespace hv::service
