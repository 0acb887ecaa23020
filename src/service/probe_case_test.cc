#include "service/probe_case.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"
#include "service/probe_targets.h"
#include "wire/frame.h"
#include "wire/problem.h"

namespace hv::service {
namespace {

const std::string kSandbox = "s0000000000000001";

// Turns by hand: posted tasks, then whatever is readable.
class TestLoop final : public base::Reactor {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  base::Subscription watch(int fd, Interest, std::function<void()> callback) override {
    watched_[fd] = std::move(callback);
    return base::Subscription([this, fd] { watched_.erase(fd); });
  }
  base::Subscription after(std::chrono::nanoseconds, std::function<void()> task) override {
    timer = std::move(task);
    return base::Subscription([this] { timer = nullptr; });
  }
  void turn() {
    while (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
    std::map<int, std::function<void()>> now = watched_;
    for (auto& [fd, callback] : now) {
      pollfd polled{fd, POLLIN, 0};
      if (watched_.contains(fd) && ::poll(&polled, 1, 0) == 1) callback();
    }
  }
  bool idle() const { return tasks_.empty() && watched_.empty() && !timer; }
  std::function<void()> timer;

 private:
  std::deque<std::function<void()>> tasks_;
  std::map<int, std::function<void()>> watched_;
};

class OneSandbox final : public SandboxLookup {
 public:
  base::Result<SandboxView> find(std::string_view sandbox) const override {
    if (sandbox != "web") return base::Failure(base::not_found("no such sandbox"));
    SandboxView view;
    view.info.id = kSandbox;
    view.info.name = "web";
    return view;
  }
};

class Recorded final : public core::Recorder {
 public:
  base::Result<uint64_t> record(const core::Event& event) override {
    events.push_back(event);
    return events.size();
  }
  std::vector<core::Event> events;
};

class ProbeCaseTest : public testing::Test {
 protected:
  ProbeCaseTest() {
    std::string pattern = "/tmp/hv-probe-case-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ProbeCaseTest() override { (void)base::remove_tree(directory_); }

  ProbeCase::Collaborators collaborators() {
    return {loop_,
            sandboxes_,
            recorded_,
            [this](const std::string& sandbox, const core::Command& command, runtime::ClientSocket client) {
              asked_sandbox_ = sandbox;
              command_ = command;
              supervisor_ = std::move(client.fd);
              return exec_status_;
            },
            [this](const std::string& sandbox, std::optional<core::Layer> without, Reply<Twin> reply) {
              steps_.push_back("start twin of " + sandbox +
                               (without ? " without " + std::string(core::name_of(*without)) : ""));
              reply(twin());
            },
            [this](const core::RunRequest& request, Reply<Twin> reply) {
              steps_.push_back("start twin for " + request.command.at(0));
              reply(twin());
            },
            [this](const std::string& id) { steps_.push_back("remove " + id); },
            [this](const std::string& sandbox, const core::Proof& proof, Reply<uint64_t> reply) {
              steps_.push_back("sign for " + sandbox);
              proof_ = proof;
              reply(uint64_t{41});
            },
            directory_,
            "user:1000"};
  }
  static Twin twin() {
    Twin twin{.id = "twin",
              .name = "grey-seal",
              .subject = {},
              .nested = true,
              .own_root = false,
              .layers = {"seccomp"},
              .degraded = {}};
    twin.subject.policy = "standard";
    return twin;
  }
  void start(ProbeCase& probe, const core::ProbeRequest& request = {}) {
    probe.probe("web", request, [this](base::Result<core::ProbeReport> report) {
      EXPECT_FALSE(report_) << "replied twice";
      report_ = std::move(report);
    });
  }
  void say(std::string_view frames) {
    ASSERT_TRUE(base::write_all(supervisor_.get(), frames));
    loop_.turn();
  }
  static std::string frames(std::string_view out, std::string_view err, int status) {
    std::string all;
    wire::append_data(all, wire::FrameType::standard_output, out);
    wire::append_data(all, wire::FrameType::standard_error, err);
    wire::append_frame(all, wire::FrameType::exit, wire::encode_exit({status, false}));
    return all;
  }

  std::string directory_;
  TestLoop loop_;
  OneSandbox sandboxes_;
  Recorded recorded_;
  base::Status exec_status_;
  std::string asked_sandbox_;
  core::Command command_;
  base::Fd supervisor_;
  std::vector<std::string> steps_;
  std::optional<core::Proof> proof_;
  std::optional<base::Result<core::ProbeReport>> report_;
};

constexpr std::string_view kAnswer = R"([{"id":"keyctl","category":"calls","status":"held","detail":"keyctl: EPERM"},)"
                                     R"({"id":"mount","category":"calls","status":"got_through","detail":"a\u001bb"}])";

TEST_F(ProbeCaseTest, RunsTheProgramInsideAndRecordsWhatItSaid) {
  ProbeCase probe(collaborators());
  start(probe, {.control = {}, .ids = {"keyctl", "mount"}});
  EXPECT_EQ(asked_sandbox_, kSandbox);
  ASSERT_GE(command_.arguments.size(), 6u);
  EXPECT_EQ(command_.arguments[0], kProbeInside);
  EXPECT_EQ(command_.arguments.back(), "mount");
  EXPECT_NE(std::ranges::find(command_.arguments, "--host-tcp"), command_.arguments.end());
  // In pieces, as sockets deliver.
  std::string all = frames(kAnswer, "", 1);
  say(std::string_view(all).substr(0, 20));
  EXPECT_FALSE(report_);
  say(std::string_view(all).substr(20));
  ASSERT_TRUE(report_);
  ASSERT_TRUE(*report_) << report_->error().text();
  EXPECT_EQ((*report_)->sandbox, "web");
  ASSERT_EQ((*report_)->results.size(), 2u);
  EXPECT_EQ((*report_)->results[1].status, core::ProbeStatus::got_through);
  EXPECT_EQ((*report_)->results[1].detail, "a\\x1bb");
  ASSERT_EQ(recorded_.events.size(), 1u);
  EXPECT_EQ(recorded_.events[0].kind, "probe.finished");
  EXPECT_EQ(recorded_.events[0].risk, core::Risk::high);
  EXPECT_EQ(base::json::serialize(recorded_.events[0].payload),
            R"({"held":1,"held_unrecorded":0,"got_through":1,"not_applicable":0,"failed":["mount"]})");
  loop_.turn();
  EXPECT_TRUE(loop_.idle());
}

TEST_F(ProbeCaseTest, AnUnknownProbeIsTheCallersMistake) {
  ProbeCase probe(collaborators());
  start(probe, {.control = {}, .ids = {"keyctk"}});
  say(frames("", "hydravisor-probe: no probe is named 'keyctk' (see --list)\n", 2));
  ASSERT_TRUE(report_ && !*report_);
  EXPECT_EQ(report_->error().code(), base::ErrorCode::invalid_argument);
  EXPECT_NE(report_->error().message().find("keyctk"), std::string::npos);
  EXPECT_TRUE(recorded_.events.empty());
}

TEST_F(ProbeCaseTest, AnswersThatAreNotTheProgramsAreErrors) {
  EXPECT_FALSE(parse_probe_output(0, "", ""));
  EXPECT_FALSE(parse_probe_output(0, "{}", ""));
  EXPECT_FALSE(parse_probe_output(0, R"([{"id":"a","category":"b","status":"fine","detail":""}])", ""));
  EXPECT_FALSE(parse_probe_output(0, R"([{"id":"a","category":"b","status":"held","detail":"","more":1}])", ""));
  EXPECT_FALSE(parse_probe_output(137, "[]", ""));
  auto absent = parse_probe_output(127, "", "");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code(), base::ErrorCode::unavailable);
  EXPECT_TRUE(parse_probe_output(0, "[]\n", ""));
}

TEST_F(ProbeCaseTest, ASandboxThatEndsOrNeverAnswersEndsTheProbing) {
  ProbeCase probe(collaborators());
  start(probe);
  supervisor_.close();
  loop_.turn();
  ASSERT_TRUE(report_ && !*report_);
  EXPECT_EQ(report_->error().code(), base::ErrorCode::unavailable);
  loop_.turn();
  report_.reset();
  start(probe);
  auto timer = loop_.timer;
  timer();
  ASSERT_TRUE(report_ && !*report_);
  EXPECT_EQ(report_->error().code(), base::ErrorCode::timeout);
}

TEST_F(ProbeCaseTest, ARefusalInsideIsPassedOn) {
  ProbeCase probe(collaborators());
  start(probe);
  std::string frame;
  wire::append_frame(frame, wire::FrameType::error, wire::problem_text(base::conflict("it is paused")));
  say(frame);
  ASSERT_TRUE(report_ && !*report_);
  EXPECT_EQ(report_->error().code(), base::ErrorCode::conflict);
  loop_.turn();
  report_.reset();
  exec_status_ = base::Failure(base::conflict("not running"));
  start(probe);
  ASSERT_TRUE(report_ && !*report_);
  EXPECT_EQ(report_->error().message(), "not running");
}

TEST_F(ProbeCaseTest, AControlRunsInATwinThatIsRemovedAfterwards) {
  ProbeCase probe(collaborators());
  start(probe, {.control = core::Layer::seccomp, .ids = {}});
  EXPECT_EQ(asked_sandbox_, "twin");
  EXPECT_EQ(steps_, std::vector<std::string>{"start twin of " + kSandbox + " without seccomp"});
  say(frames("[]", "", 0));
  ASSERT_TRUE(report_ && *report_);
  EXPECT_EQ((*report_)->sandbox, "web");
  EXPECT_EQ(steps_.back(), "remove twin");
  EXPECT_FALSE(proof_);
}

TEST_F(ProbeCaseTest, AProofIsMadeInATwinAndSignedForTheSandbox) {
  ProbeCase probe(collaborators());
  start(probe, {.control = {}, .ids = {}, .sign = true});
  EXPECT_EQ(asked_sandbox_, "twin");
  EXPECT_EQ(command_.arguments.at(2), "--nested");
  say(frames(kAnswer, "", 1));
  ASSERT_TRUE(report_ && *report_);
  EXPECT_EQ((*report_)->proof, 41u);
  EXPECT_EQ((*report_)->sandbox, "web");
  EXPECT_EQ(steps_, (std::vector<std::string>{"start twin of " + kSandbox, "remove twin", "sign for " + kSandbox}));
  ASSERT_TRUE(proof_);
  EXPECT_EQ(proof_->name, "web");
  EXPECT_EQ(proof_->subject.policy, "standard");
  EXPECT_FALSE(proof_->held);
  EXPECT_EQ(proof_->verdicts.at("keyctl"), "held");
  EXPECT_EQ(proof_->failed.at(0).id, "mount");
  // What a program in the sandbox claimed is another record.
  EXPECT_TRUE(recorded_.events.empty());
}

TEST_F(ProbeCaseTest, AProofIsAboutEveryProbe) {
  ProbeCase probe(collaborators());
  start(probe, {.control = {}, .ids = {"keyctl"}, .sign = true});
  ASSERT_TRUE(report_ && !*report_);
  EXPECT_EQ(report_->error().code(), base::ErrorCode::invalid_argument);
  EXPECT_TRUE(steps_.empty());
}

TEST_F(ProbeCaseTest, AStartIsProvenOnlyWhenNothingGotThrough) {
  ProbeCase probe(collaborators());
  core::RunRequest request;
  request.command = {"claude"};
  std::optional<base::Result<uint64_t>> proof;
  auto prove = [&] { probe.prove(request, [&](base::Result<uint64_t> result) { proof = std::move(result); }); };
  prove();
  say(frames(kAnswer, "", 1));
  ASSERT_TRUE(proof && !*proof);
  EXPECT_EQ(proof->error().code(), base::ErrorCode::denied);
  EXPECT_NE(proof->error().message().find("mount: a\\x1bb"), std::string::npos) << proof->error().message();
  EXPECT_EQ(steps_, (std::vector<std::string>{"start twin for claude", "remove twin", "sign for twin"}));
  loop_.turn();
  prove();
  say(frames(R"([{"id":"keyctl","category":"calls","status":"held","detail":""}])", "", 0));
  ASSERT_TRUE(proof && *proof) << proof->error().message();
  EXPECT_EQ(**proof, 41u);
  loop_.turn();
  // A program that tried nothing proves nothing.
  prove();
  say(frames("[]", "", 0));
  EXPECT_FALSE(*proof);
}

TEST_F(ProbeCaseTest, ARefusalNamesTheLayerAndWhatToDo) {
  core::Proof proof =
      make_proof(twin(), "web",
                 {.sandbox = "web",
                  .results = {{"keyctl", "calls", core::ProbeStatus::got_through, "keyctl succeeded", {{"seccomp"}}}},
                  .proof = {}});
  EXPECT_EQ(refuse_unproven(proof, 7).message(),
            "not started: 1 of 1 probes got through in a sandbox of the same plan\n  keyctl: keyctl succeeded (held by "
            "seccomp)");
  EXPECT_EQ(refuse_unproven(proof, 7).hint(),
            "what this machine lacks: hydravisor doctor; the whole proof: hydravisor audit show 7");
  proof.subject.variant = {"without seccomp"};
  EXPECT_EQ(refuse_unproven(proof, 7).hint(),
            "leave out --skip-layer seccomp; the whole proof: hydravisor audit show 7");
}

TEST_F(ProbeCaseTest, TargetsAreOnTheHostUntilTheProbingEnds) {
  std::string file;
  std::string socket;
  {
    ProbeTargets targets(directory_);
    auto value = [&](std::string_view option) {
      auto found = std::ranges::find(targets.options(), option);
      return found == targets.options().end() ? std::string() : *std::next(found);
    };
    file = value("--host-file");
    socket = value("--host-socket");
    EXPECT_TRUE(base::path_exists(file));
    EXPECT_TRUE(base::path_exists(socket));
    EXPECT_EQ(value("--host-pid"), std::to_string(::getpid()));
    EXPECT_NE(value("--host-tcp"), "");
    EXPECT_NE(value("--host-abstract"), "");
  }
  EXPECT_FALSE(base::path_exists(file));
  EXPECT_FALSE(base::path_exists(socket));
}

}  // namespace
}  // namespace hv::service
