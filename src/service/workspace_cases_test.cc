#include "service/workspace_cases.h"

#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <thread>

#include "base/format.h"
#include "base/remove_tree.h"

namespace hv::service {
namespace {

const std::string kSandbox = "s0000000000000001";

class OneSandbox final : public SandboxLookup {
 public:
  base::Result<SandboxView> find(std::string_view sandbox) const override {
    if (sandbox != "web" && sandbox != kSandbox) return base::Failure(base::not_found("no such sandbox"));
    return view;
  }
  SandboxView view;
};

class Recorded final : public core::Recorder {
 public:
  base::Result<uint64_t> record(const core::Event& event) override {
    if (event.kind.starts_with(refused) && !refused.empty()) return base::Failure(base::io_error("disk full"));
    events.push_back(event);
    return events.size();
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> all;
    for (const core::Event& event : events) all.push_back(event.kind);
    return all;
  }
  std::vector<core::Event> events;
  std::string refused;
};

// A worker that keeps what it was asked and gives a prepared answer.
class WorkspaceCasesTest : public testing::Test {
 protected:
  WorkspaceCasesTest() {
    std::string pattern = "/tmp/hv-workspace-cases-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    sandbox_.view.info.id = kSandbox;
    sandbox_.view.info.name = "web";
    sandbox_.view.info.state = core::SandboxState::stopped;
    sandbox_.view.info.workspace = {"/home/u/project", core::WorkspaceMode::cow, {}};
    sandbox_.view.directory = directory_ + "/state";
    EXPECT_TRUE(base::make_directories(directory_ + "/state/workspace/upper"));
    EXPECT_TRUE(base::replace_file(directory_ + "/worker",
                                   "#!/bin/sh\ncat >" + directory_ + "/asked\ncat " + directory_ + "/answer\n", 0700));
  }
  ~WorkspaceCasesTest() override { (void)base::remove_tree(directory_); }

  WorkspaceCases cases() { return {sandbox_, recorded_, locks_, {directory_ + "/worker", "user:1000", {}, {}, {}}}; }
  void answer(const std::string& text) { EXPECT_TRUE(base::replace_file(directory_ + "/answer", text)); }
  workspace::Request asked() {
    auto request = workspace::parse_request(base::read_file(directory_ + "/asked").value_or(""));
    EXPECT_TRUE(request) << request.error().text();
    return request ? *request : workspace::Request{};
  }
  bool was_asked() const { return base::path_exists(directory_ + "/asked"); }

  std::string directory_;
  OneSandbox sandbox_;
  Recorded recorded_;
  SandboxLocks locks_;
};

using Kinds = std::vector<std::string>;

constexpr const char* kApplied =
    R"({"result":{"applied":["a.txt","b.txt"],"held":[{"path":".envrc","reason":"r"}],"conflicts":[],"refs":[],"dry_run":false}})";

TEST_F(WorkspaceCasesTest, ApplyIsRecordedBeforeAndAfter) {
  answer(kApplied);
  auto report = cases().apply("web", {.paths = {"a.txt"}, .accept = {}, .hunks = {}});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->applied, (std::vector<std::string>{"a.txt", "b.txt"}));
  EXPECT_EQ(recorded_.kinds(), (Kinds{"workspace.applying", "workspace.applied"}));
  EXPECT_EQ(recorded_.events[1].sandbox, kSandbox);
  EXPECT_EQ(recorded_.events[1].principal, "user:1000");
  EXPECT_EQ(base::json::serialize(recorded_.events[1].payload),
            R"({"count":2,"paths":["a.txt","b.txt"],"held":[".envrc"],"conflicts":[],"commits":[]})");
  workspace::Request request = asked();
  EXPECT_EQ(request.operation, workspace::Operation::apply);
  EXPECT_EQ(request.places.host, "/home/u/project");
  EXPECT_EQ(request.places.records, directory_ + "/state/workspace");
  EXPECT_EQ(request.apply.paths, std::vector<std::string>{"a.txt"});
}

TEST_F(WorkspaceCasesTest, NothingIsAppliedThatCannotBeRecorded) {
  answer(kApplied);
  recorded_.refused = "workspace.applying";
  EXPECT_FALSE(cases().apply("web", {}));
  EXPECT_FALSE(was_asked());
}

TEST_F(WorkspaceCasesTest, AnOutcomeThatCannotBeRecordedIsSaid) {
  answer(kApplied);
  recorded_.refused = "workspace.applied";
  auto report = cases().apply("web", {});
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("it was done, but could not be recorded"), std::string::npos);
}

TEST_F(WorkspaceCasesTest, TheWorkersRefusalIsPassedOnAndRecorded) {
  answer(R"({"error":{"code":"conflict","message":"no space","hint":"make room"}})");
  auto report = cases().apply("web", {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), base::ErrorCode::conflict);
  EXPECT_EQ(report.error().hint(), "make room");
  EXPECT_EQ(recorded_.kinds(), (Kinds{"workspace.applying", "workspace.failed"}));
}

TEST_F(WorkspaceCasesTest, ADryRunLeavesNoTrace) {
  answer(R"({"result":{"applied":[],"held":[],"conflicts":[],"refs":[],"dry_run":true}})");
  EXPECT_TRUE(cases().apply("web", {.paths = {}, .accept = {}, .hunks = {}, .dry_run = true}));
  EXPECT_TRUE(recorded_.events.empty());
}

TEST_F(WorkspaceCasesTest, AWorkerThatAnswersNonsenseIsAnError) {
  for (const char* text : {"", "{}", R"({"result":{"applied":"all"}})", "\xff"}) {
    answer(text);
    EXPECT_FALSE(cases().apply("web", {})) << text;
  }
}

TEST_F(WorkspaceCasesTest, WorkspacesWithoutChangesOfTheirOwnAreRefused) {
  for (core::WorkspaceMode mode : {core::WorkspaceMode::none, core::WorkspaceMode::ro}) {
    sandbox_.view.info.workspace.mode = mode;
    for (const base::Error& error :
         {cases().diff("web", {}).error(), cases().apply("web", {}).error(), cases().discard("web", {}).error(),
          cases().undo("web").error(), cases().sync("web").error()}) {
      EXPECT_EQ(error.code(), base::ErrorCode::conflict);
      EXPECT_FALSE(error.hint().empty());
    }
    EXPECT_EQ(cases().count_changes("web").value_or(1), 0u);
  }
  EXPECT_FALSE(was_asked());
  EXPECT_TRUE(recorded_.events.empty());
}

TEST_F(WorkspaceCasesTest, ALiveWorkspaceIsTakenBackAsSuch) {
  sandbox_.view.info.workspace.mode = core::WorkspaceMode::live;
  answer(R"({"result":{"paths":["a"],"conflicts":[]}})");
  auto undone = cases().undo("web");
  ASSERT_TRUE(undone) << undone.error().text();
  EXPECT_EQ(asked().mode, core::WorkspaceMode::live);
  EXPECT_EQ(recorded_.kinds(), (Kinds{"workspace.undoing", "workspace.undone"}));
}

TEST_F(WorkspaceCasesTest, DiscardWaitsForTheSandboxToStop) {
  sandbox_.view.info.state = core::SandboxState::running;
  auto refused = cases().discard("web", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::conflict);
  EXPECT_EQ(refused.error().hint(), "stop it first: hydravisor stop web && hydravisor discard web");
  EXPECT_FALSE(was_asked());
  sandbox_.view.info.state = core::SandboxState::stopped;
  answer(R"({"result":{"paths":["a"],"conflicts":[]}})");
  EXPECT_TRUE(cases().discard("web", {}));
  EXPECT_FALSE(asked().running);
}

TEST_F(WorkspaceCasesTest, ASandboxThatNeverRanHasNoChanges) {
  ASSERT_TRUE(base::remove_tree(directory_ + "/state"));
  auto report = cases().diff("web", {});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->sandbox, "web");
  EXPECT_TRUE(report->files.empty());
  EXPECT_TRUE(cases().apply("web", {}));
  EXPECT_TRUE(cases().discard("web", {}));
  EXPECT_EQ(cases().count_changes("web").value_or(1), 0u);
  auto undone = cases().undo("web");
  ASSERT_FALSE(undone);
  EXPECT_EQ(undone.error().code(), base::ErrorCode::not_found);
  EXPECT_FALSE(was_asked());
}

constexpr const char* kDiff =
    R"({"result":{"sandbox":"x","workspace":"/x","mode":"cow","added_lines":3,"removed_lines":1,"refs":[],"files":[
      {"path":"a","kind":"added","type":"regular","binary":false,"added_lines":3,"removed_lines":1,"hazard":"none","hazard_reason":"","conflict":"","hunks":[],"truncated":false},
      {"path":"b","kind":"modified","type":"regular","binary":false,"added_lines":0,"removed_lines":0,"hazard":"none","hazard_reason":"","conflict":"the host changed it","hunks":[],"truncated":false}]}})";

TEST_F(WorkspaceCasesTest, DiffNamesTheSandboxAndIsRecordedEvenIfThatFails) {
  answer(kDiff);
  auto report = cases().diff(kSandbox, {});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->sandbox, "web");
  EXPECT_EQ(report->workspace, "/home/u/project");
  EXPECT_EQ(recorded_.kinds(), Kinds{"workspace.diffed"});
  recorded_.refused = "workspace";
  EXPECT_TRUE(cases().diff("web", {}));
  EXPECT_EQ(cases().count_changes("web").value_or(0), 2u);
}

constexpr const char* kPlan =
    R"({"result":{"bring_in":["new.txt","link"],"remove":["old.txt"],"conflicts":[{"path":"both.txt","reason":"both"}]}})";

TEST_F(WorkspaceCasesTest, SyncBringsFilesIntoARunningSandboxAndShowsTheRest) {
  std::string host = directory_ + "/project";
  ASSERT_TRUE(base::make_directories(host));
  ASSERT_TRUE(base::replace_file(host + "/new.txt", "new", 0640));
  ASSERT_EQ(::symlink("new.txt", (host + "/link").c_str()), 0);
  sandbox_.view.info.workspace.path = host;
  sandbox_.view.info.state = core::SandboxState::running;
  answer(kPlan);
  std::vector<std::string> brought;
  WorkspaceCases one(
      sandbox_, recorded_, locks_,
      {directory_ + "/worker",
       "user:1000",
       {},
       {},
       [&](const std::string& id, const std::string& path, uint32_t mode, base::Fd file) -> base::Status {
         brought.push_back(
             base::format("{} {} {:o} {}", id, path, mode, base::read_all(file.get()).value_or("unreadable")));
         return {};
       }});
  auto report = one.sync("web");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(brought, std::vector<std::string>{kSandbox + " " + host + "/new.txt 640 new"});
  EXPECT_EQ(report->paths, std::vector<std::string>{"new.txt"});
  std::vector<std::string> conflicts;
  for (const core::Refusal& refusal : report->conflicts) conflicts.push_back(refusal.path);
  EXPECT_EQ(conflicts, (std::vector<std::string>{"both.txt", "old.txt", "link"}));
  EXPECT_EQ(recorded_.kinds(), (Kinds{"workspace.syncing", "workspace.synced"}));
}

TEST_F(WorkspaceCasesTest, AStoppedSandboxNeedsNothingBroughtIn) {
  answer(kPlan);
  auto report = cases().sync("web");
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->paths.empty());
  ASSERT_EQ(report->conflicts.size(), 1u);
  EXPECT_EQ(report->conflicts[0].path, "both.txt");
}

TEST_F(WorkspaceCasesTest, OneOperationAtATimeOnEachSandbox) {
  WorkspaceCases one = cases();
  answer(kApplied);
  std::optional<SandboxLocks::Hold> hold = locks_.try_hold(kSandbox);
  std::jthread applying([&] { EXPECT_TRUE(one.apply("web", {})); });
  EXPECT_FALSE(was_asked());
  hold.reset();
  applying.join();
  EXPECT_TRUE(was_asked());
  EXPECT_TRUE(locks_.try_hold(kSandbox));
}

TEST_F(WorkspaceCasesTest, AnUnknownSandboxIsNotFound) {
  auto report = cases().diff("nobody", {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), base::ErrorCode::not_found);
}

TEST_F(WorkspaceCasesTest, RecordsNameABoundedNumberOfPaths) {
  std::string paths;
  for (int i = 0; i < 1000; ++i) paths += base::format("{}\"file{}\"", i == 0 ? "" : ",", i);
  answer(base::format(R"({{"result":{{"paths":[{}],"conflicts":[]}}}})", paths));
  ASSERT_TRUE(cases().undo("web"));
  const base::json::Object& payload = recorded_.events.back().payload;
  EXPECT_EQ(payload.at("count").to_number<int>(), 1000);
  EXPECT_EQ(payload.at("paths").get_array().size(), 200u);
}

}  // namespace
}  // namespace hv::service
