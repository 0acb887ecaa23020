// The API over a real socket, asked by the project's own client and by hand, in front of a fake service.
#include "api/server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/fake_service.h"
#include "api/routes.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "client/client.h"
#include "http/client.h"

namespace hv::api {
namespace {

core::RunRequest request_for(std::vector<std::string> command) {
  core::RunRequest request;
  request.command = std::move(command);
  request.name = "web";
  request.workspace = {"/w", core::WorkspaceMode::cow};
  request.caller = {{{"PATH", "/bin"}}, "/w", "/home/u", 1000, 1000, 022, {}};
  return request;
}

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/hv-api-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/sock";
    server_.emplace(loop_, *base::listen_unix(path_, SOCK_STREAM), service_.entrance(), options());
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.post([this] {
      server_.reset();
      loop_.stop();
    });
    thread_.join();
    (void)base::remove_tree(directory_);
  }
  // Runs `task` on the loop's thread and waits for it.
  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  ServerOptions options() const {
    ServerOptions options;
    options.version = service_.version;
    return options;
  }
  client::Client client() { return std::move(*client::Client::connect({path_, {}, {}})); }
  http::Response ask(http::Request request) {
    http::ClientConnection connection(*base::connect_unix(path_, SOCK_STREAM));
    auto response = connection.exchange(request);
    EXPECT_TRUE(response) << response.error().text();
    return response ? *response : http::Response{0, {}, {}};
  }

  FakeService service_;
  http::Loop loop_;
  std::string directory_;
  std::string path_;
  std::optional<Server> server_;
  std::thread thread_;
};

TEST_F(ApiTest, TellsItsVersion) {
  auto info = client().daemon();
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->pid, 42);
}

TEST_F(ApiTest, LeadsASandboxThroughItsLife) {
  auto c = client();
  ASSERT_TRUE(c.create(request_for({"sleep", "1"}), true));
  EXPECT_EQ(c.create(request_for({"true"}), false).error().code(), base::ErrorCode::already_exists);
  EXPECT_EQ(c.inspect("web")->command, (std::vector<std::string>{"sleep", "1"}));
  EXPECT_EQ(c.list()->size(), 1u);
  EXPECT_EQ(c.list({{}, core::SandboxState::stopped})->size(), 0u);
  EXPECT_TRUE(c.stop("web", {1234}));
  EXPECT_EQ(service_.last_grace, 1234u);
  EXPECT_TRUE(c.kill("web", {15}));
  EXPECT_EQ(c.rename("web", {"site"})->name, "site");
  EXPECT_EQ(c.stats("web")->memory_bytes, 1024u);
  EXPECT_EQ(c.probe("web", {})->results.size(), 1u);
  EXPECT_EQ(c.proofs("web", 1)->at(0).proof.verdicts.at("keyctl"), "held");
  EXPECT_TRUE(c.remove("web", true));
  auto gone = c.inspect("web");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), base::ErrorCode::not_found);
  EXPECT_EQ(gone.error().hint(), "hydravisor ls") << "message and hint cross the wire";
}

TEST_F(ApiTest, HandsTheConnectionOfARunAway) {
  http::ClientConnection connection(*base::connect_unix(path_, SOCK_STREAM));
  http::Request request{"POST",
                        "/v1/run",
                        {{{"Connection", "Upgrade"}, {"Upgrade", "hydravisor-stream"}}},
                        wire::to_text(request_for({"true"}))};
  auto head = connection.open(request);
  ASSERT_TRUE(head) << head.error().text();
  EXPECT_EQ(head->status, 101);
  EXPECT_EQ(head->headers.find("Hydravisor-Sandbox"), "web");
  http::Upgraded upgraded = connection.release();
  EXPECT_EQ(upgraded.buffered + *base::read_all(upgraded.fd.get()), "frames:");
}

TEST_F(ApiTest, RefusesARunAsAProblemAndGoesOnWithTheConnection) {
  auto c = client();
  EXPECT_EQ(c.run(request_for({"refuse"})).error().code(), base::ErrorCode::denied);
  EXPECT_EQ(c.run(request_for({"drop"})).error().code(), base::ErrorCode::internal);
  EXPECT_EQ(c.exec("nobody", {{"true"}, "", {}, {{}, "/", "", 0, 0, 022, {}}, {}}).error().code(),
            base::ErrorCode::not_found);
  auto stream = c.run(request_for({"true"}));
  ASSERT_TRUE(stream) << stream.error().text();
  EXPECT_EQ(stream->sandbox(), "web");
}

TEST_F(ApiTest, WantsAnUpgradeForStreams) {
  http::Response response = ask({"POST", "/v1/run", {}, wire::to_text(request_for({"true"}))});
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(response.headers.find("Upgrade"), "hydravisor-stream");
}

TEST_F(ApiTest, RefusesWhatTheTableDoesNotName) {
  EXPECT_EQ(ask({"GET", "/v1/nothing", {}, {}}).status, 404);
  http::Response response = ask({"DELETE", "/v1/version", {}, {}});
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.find("Allow"), "GET");
  response = ask({"GET", "/v1/sandboxes?lable=a=b", {}, {}});
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("did you mean 'label'?"), std::string::npos) << response.body;
  EXPECT_EQ(ask({"POST", "/v1/shutdown", {}, "{}"}).status, 400) << "takes no body";
  EXPECT_EQ(ask({"POST", "/v1/sandboxes/web/stop", {{{"Content-Type", "text/plain"}}}, "{}"}).status, 415);
  EXPECT_EQ(ask({"POST", "/v1/sandboxes/web/stop", {}, "{\"grace\":1}"}).status, 400);
  EXPECT_EQ(ask({"POST", "/v1/sandboxes/web/stop", {}, "{"}).status, 400);
  EXPECT_EQ(service_.shutdowns, 0);
}

TEST_F(ApiTest, AnswersProblemsAsProblemDocuments) {
  http::Response response = ask({"GET", "/v1/sandboxes/nobody", {}, {}});
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.find("Content-Type"), "application/problem+json");
  EXPECT_EQ(response.body, R"({"type":"urn:hydravisor:not_found","title":"Not found","status":404,"code":"not_found",)"
                           R"("detail":"no sandbox 'nobody'","hint":"hydravisor ls"})");
  EXPECT_EQ(ask({"GET", "/v1/version", {{{"X", std::string(100'000, 'x')}}}, {}}).headers.find("Content-Type"),
            "application/problem+json");
}

TEST_F(ApiTest, RefusesRequestsThatCannotBeMeant) {
  auto c = client();
  auto bad = [&](auto change) {
    core::RunRequest request = request_for({"true"});
    change(request);
    auto result = c.create(request, false);
    return result ? std::string("accepted") : std::string(base::code_name(result.error().code()));
  };
  EXPECT_EQ(bad([](auto& r) { r.workspace.path = "relative"; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.name = "Bad_Name"; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.environment = {{"A=B", "x"}}; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.host_ports = {80, 80}; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.allow = {"https://example.org"}; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.allow_private = {"10.0.0.1/8"}; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.allow = {"example.org"}, r.network = core::NetworkMode::none; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.terminal = core::WindowSize{0, 80}; }), "invalid_argument");
  EXPECT_EQ(bad([](auto& r) { r.tier = core::Tier::vm; }), "unsupported");
  EXPECT_EQ(c.apply("web", {{"../x"}, {}, {}, false, false}).error().code(), base::ErrorCode::invalid_argument);
}

TEST_F(ApiTest, KnowsWhoSendsEachRequest) {
  EXPECT_EQ(ask({"GET", "/v1/sandboxes", {}, {}}).status, 200);
  EXPECT_EQ(service_.entered.uid, ::geteuid());
  EXPECT_EQ(service_.entered.token, "");
  EXPECT_EQ(ask({"GET", "/v1/sandboxes", {{{"authorization", "bearer hv_1"}}}, {}}).status, 200);
  EXPECT_EQ(service_.entered.token, "hv_1");
  auto with_token = client::Client::connect({.socket = path_, .program = {}, .environment = {}, .token = "hv_2"});
  ASSERT_TRUE(with_token);
  EXPECT_TRUE(with_token->list());
  EXPECT_EQ(service_.entered.token, "hv_2");
  EXPECT_TRUE(client().list());
  EXPECT_EQ(service_.entered.token, "");
}

TEST_F(ApiTest, LetsNobodyInWithATokenThatDoesNotHold) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  for (const Fields& fields : {Fields{{"Authorization", "Bearer wrong"}}, Fields{{"Authorization", "Bearer "}},
                               Fields{{"Authorization", "Basic eDp5"}}, Fields{{"Authorization", ""}},
                               Fields{{"Authorization", "Bearer a"}, {"Authorization", "Bearer b"}}}) {
    http::Response response = ask({"POST", "/v1/shutdown", {fields}, {}});
    EXPECT_EQ(response.status, 401) << fields.front().second;
    EXPECT_EQ(response.headers.find("WWW-Authenticate"), "Bearer");
  }
  EXPECT_EQ(service_.shutdowns, 0);
  EXPECT_EQ(ask({"POST", "/v1/shutdown", {{{"Authorization", "Bearer right"}}}, {}}).status, 204);
  EXPECT_EQ(service_.shutdowns, 1);
}

TEST_F(ApiTest, TellsATokenOnceAndHasNobodyKeepIt) {
  http::Request request{"POST", "/v1/tokens", {{{"Content-Type", "application/json"}}}, R"({"principal":"agent:ci"})"};
  http::Response response = ask(request);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers.find("Cache-Control"), "no-store");
  client::Client c = client();
  core::TokenRequest wanted;
  wanted.principal = "agent:ci";
  EXPECT_EQ(c.make_token(wanted)->token, "hv_x");
  EXPECT_EQ(c.revoke_token("0123456789")->at(0).id, "0123456789");
  EXPECT_EQ(c.ask_access({.principal = {}, .action = core::Action::exec, .sandbox = "web"})->action,
            core::Action::exec);
  EXPECT_EQ(c.access()->principal, "user:" + std::to_string(::geteuid()));
}

TEST_F(ApiTest, MakesANewerFrontEndAskForARestart) {
  on_loop([this] {
    service_.version = "0.0.9";
    server_.reset();
    unlink(path_.c_str());
    server_.emplace(loop_, *base::listen_unix(path_, SOCK_STREAM), service_.entrance(), options());
  });
  http::Response response = ask({"GET", "/v1/sandboxes", {{{"Hydravisor-Version", "0.1.0"}}}, {}});
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.headers.find("Hydravisor-Outdated"), "0.0.9");
  EXPECT_EQ(ask({"GET", "/v1/version", {{{"Hydravisor-Version", "0.1.0"}}}, {}}).status, 200);
  EXPECT_EQ(ask({"GET", "/v1/sandboxes", {{{"Hydravisor-Version", "0.0.8"}}}, {}}).status, 200);
  EXPECT_TRUE(client().reexec({"/opt/hydravisord"}));
  EXPECT_EQ(service_.reexecuted, "/opt/hydravisord");
}

TEST_F(ApiTest, AnswersALongPollWhenTheOutcomeComes) {
  std::thread ender([this] {
    for (bool waiting = false; !waiting;) on_loop([&] { waiting = service_.waiting != nullptr; });
    service_.waiting(core::Outcome{core::Outcome::Kind::exited, 3, ""});
  });
  auto outcome = client().wait("web");
  ender.join();
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->exit_code(), 3);
}

TEST_F(ApiTest, ForgetsALongPollWhoseClientHasGone) {
  {
    base::Fd fd = *base::connect_unix(path_, SOCK_STREAM);
    ASSERT_TRUE(base::write_all(fd.get(), "GET /v1/sandboxes/web/wait HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (bool waiting = false; !waiting;) on_loop([&] { waiting = service_.waiting != nullptr; });
  }
  for (bool cancelled = false; !cancelled;) on_loop([&] { cancelled = service_.waits_cancelled == 1; });
  on_loop([&] { service_.waiting = nullptr; });
}

TEST_F(ApiTest, StreamsALogByteForByte) {
  ASSERT_TRUE(client().create(request_for({"x"}), true));
  std::string bytes(300'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  service_.write_log(bytes, false);
  auto c = client();
  auto plain = c.logs("web", false);
  ASSERT_TRUE(plain) << plain.error().text();
  std::string all;
  for (std::string piece = *plain->read(); !piece.empty(); piece = *plain->read()) all += piece;
  EXPECT_EQ(all, bytes);

  auto followed = c.logs("web", true);
  all.clear();
  while (all.size() < bytes.size()) all += *followed->read();
  service_.write_log("tail", true);
  for (std::string piece = *followed->read(); !piece.empty(); piece = *followed->read()) all += piece;
  EXPECT_EQ(all, bytes + "tail");
  EXPECT_EQ(c.logs("nobody", true).error().code(), base::ErrorCode::not_found);
}

TEST_F(ApiTest, SamplesUsageOnceOrAsOftenAsItIsWoken) {
  auto c = client();
  EXPECT_EQ(c.usage()->sandboxes.at(0).name, "web");
  auto samples = c.usage_samples(std::chrono::milliseconds(250));
  ASSERT_TRUE(samples) << samples.error().text();
  EXPECT_EQ((*samples->next())->sandboxes.at(0).stats.memory_bytes, 2u);
  service_.sample();
  EXPECT_EQ((*samples->next())->sandboxes.at(0).stats.memory_bytes, 3u);
  EXPECT_EQ(c.usage()->sandboxes.at(0).stats.memory_bytes, 4u) << "nothing is sampled beside that";
  EXPECT_EQ(service_.sampled_every(), std::chrono::milliseconds(250));
  EXPECT_EQ(c.usage_samples(std::chrono::milliseconds(1)).error().code(), base::ErrorCode::invalid_argument);
}

TEST_F(ApiTest, TailsTheLedgerFromNowOrFromWhereItWas) {
  for (int i = 0; i < 500; ++i) service_.record("old");
  auto c = client();
  auto tail = c.audit_tail({});
  ASSERT_TRUE(tail) << tail.error().text();
  // The first fetch decides what "now" is, so records are added until one arrives.
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      service_.record("new");
      usleep(1000);
    }
  });
  auto record = tail->next();
  done = true;
  writer.join();
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->event.kind, "new");

  core::AuditQuery from;
  from.after = 9;
  auto again = c.audit_tail(from);
  for (uint64_t i = 10; i < 500; ++i) EXPECT_EQ((*again->next())->index, i);
}

TEST_F(ApiTest, ResumesAnEventStreamAfterTheLastEventSeen) {
  for (int i = 0; i < 4; ++i) service_.record(i % 2 == 0 ? "sandbox.started" : "exec.started");
  http::ClientConnection connection(*base::connect_unix(path_, SOCK_STREAM));
  auto head = connection.open({"GET", "/v1/events?after=0", {{{"Last-Event-ID", "1"}}}, {}});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers.find("Content-Type"), "text/event-stream");
  EXPECT_TRUE(connection.read_body()->starts_with("id: 2\nevent: record\ndata: {\"index\":2,"));
}

TEST_F(ApiTest, TellsAReaderWhatWasPrunedBehindItsBack) {
  for (int i = 0; i < 20; ++i) service_.record("exec.started");
  service_.prune(10);
  http::ClientConnection connection(*base::connect_unix(path_, SOCK_STREAM));
  auto head = connection.open({"GET", "/v1/audit/tail", {{{"Last-Event-ID", "3"}}}, {}});
  ASSERT_TRUE(head);
  std::string text = *connection.read_body();
  EXPECT_TRUE(
      text.starts_with("id: 9\nevent: missed\ndata: {\"first\":4,\"last\":9,\"count\":6}\n\nid: 10\nevent: record\n"))
      << text;
  // The client goes on with what is there.
  auto c = client();
  core::AuditQuery from;
  from.after = 3;
  auto tail = c.audit_tail(from);
  EXPECT_EQ((*tail->next())->index, 10u);
  from.after = 9;
  auto whole = c.audit_tail(from);
  EXPECT_EQ((*whole->next())->index, 10u);
}

TEST_F(ApiTest, ExportsTheWholeLedgerALineARecord) {
  for (int i = 0; i < 450; ++i) service_.record("k");
  auto c = client();
  auto reader = c.audit_export({});
  ASSERT_TRUE(reader) << reader.error().text();
  std::string all;
  for (std::string piece = *reader->read(); !piece.empty(); piece = *reader->read()) all += piece;
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 450);
  EXPECT_EQ(c.audit_events({})->records.size(), 450u);
  EXPECT_EQ(c.audit_event(7)->index, 7u);
  EXPECT_TRUE(c.audit_verify(false)->intact);
  EXPECT_EQ(c.audit_verify(false)->from, 0u);
  auto since = c.audit_verify(true);
  ASSERT_TRUE(since) << since.error().text();
  EXPECT_EQ(since->from, 5u);
}

TEST_F(ApiTest, CarriesDiffsOfAnyBytes) {
  auto report = client().diff("web", {{"a b&c", "\xc3\xa9"}, false});
  ASSERT_TRUE(report) << report.error().text();
  ASSERT_EQ(report->files.size(), 2u);
  EXPECT_EQ(report->files[0].path, "a b&c");
  EXPECT_EQ(report->files[0].hunks[0].lines[0].text, "\xff");
}

TEST_F(ApiTest, StreamsABundleAndSaysWhyThereIsNone) {
  auto c = client();
  auto reader = c.audit_bundle({}, "note\n");
  ASSERT_TRUE(reader) << reader.error().text();
  std::string text;
  for (std::string bytes = *reader->read(); !bytes.empty(); bytes = *reader->read()) text += bytes;
  EXPECT_EQ(text, "line\nline\nline\n");
  auto refused = c.audit_bundle({}, "other\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::conflict);
}

TEST_F(ApiTest, AsksTheLedgerExactlyWhatItWasAsked) {
  core::AuditQuery query{.sandbox = "web",
                         .kind = "network.",
                         .principal = "user:0",
                         .path = "/a b/c",
                         .host = "example.org",
                         .verdict = "deny",
                         .risk = core::Risk::medium,
                         .text = "größe x*",
                         .since = base::WallTime(std::chrono::seconds(5)),
                         .until = base::WallTime(std::chrono::seconds(9)),
                         .after = 3,
                         .before = 90,
                         .newest_first = true,
                         .limit = 7};
  auto c = client();
  ASSERT_TRUE(c.audit_events(query));
  core::AuditQuery asked = service_.asked;
  EXPECT_EQ(asked.sandbox, query.sandbox);
  EXPECT_EQ(asked.kind, query.kind);
  EXPECT_EQ(asked.principal, query.principal);
  EXPECT_EQ(asked.path, query.path);
  EXPECT_EQ(asked.host, query.host);
  EXPECT_EQ(asked.verdict, query.verdict);
  EXPECT_EQ(asked.risk, query.risk);
  EXPECT_EQ(asked.text, query.text);
  EXPECT_EQ(asked.since, query.since);
  EXPECT_EQ(asked.until, query.until);
  EXPECT_EQ(asked.after, query.after);
  EXPECT_EQ(asked.before, query.before);
  EXPECT_TRUE(asked.newest_first);
  EXPECT_EQ(asked.limit, 7u);
}

TEST_F(ApiTest, EndsWithStreamsOpen) {
  auto c = client();
  auto tail = c.audit_tail({});
  ASSERT_TRUE(tail);
  on_loop([this] { server_.reset(); });
  EXPECT_FALSE(tail->next()) << "broken off, not ended";
}

TEST(Routes, HaveDistinctPlaces) {
  for (const Route& route : routes()) {
    std::vector<std::string> segments = base::split(route.pattern.substr(1), '/');
    Match found = match(route.method, segments);
    ASSERT_NE(found.route, nullptr);
    EXPECT_EQ(found.route->pattern, route.pattern);
  }
}

}  // namespace
}  // namespace hv::api
