#include "monitor/record.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace hv::monitor {
namespace {

const ExecAttempt ls{.pid = 7,
                     .parent = 3,
                     .path = "/bin/ls",
                     .arguments = {"ls", "-l", ""},
                     .directory = "/home/ann",
                     .truncated = true};
const ExecAttempt redacted_one{
    .pid = 7, .parent = 3, .path = "/bin/ls", .arguments = {"a"}, .directory = "/", .redacted = 3};
const ExecAttempt discreet_one{
    .pid = 7, .parent = 3, .path = "/bin/ls", .arguments = {}, .directory = "/", .redacted = 1, .omitted = 2};
const DeniedCall keyctl{.pid = 7, .number = SYS_keyctl, .error = EPERM, .arguments = {1, 2, 3}, .count = 1000000};

const FileClaim moved{.pid = 7,
                      .kind = core::FileEventKind::renamed,
                      .call = "renameat2",
                      .path = "/w/b\xff",
                      .old_path = "/w/a",
                      .count = 3};

const ProcessesExited crashed{.wait_status = 11 | 0x80, .executable = "/bin/a\xff", .ended = {{7, 1500}}};
const ProcessesExited several{.wait_status = 0, .executable = "", .ended = {{7, 3}, {9, 12}}};
const ProcessesExited untold{.wait_status = std::nullopt, .executable = "", .ended = {{7, 3}}};
const ProcessesUnfollowed lost{.reason = "too many", .pids = {7, 8}, .count = 1000};

const FileSeen seen{.kind = core::FileEventKind::renamed,
                    .type = core::FileType::symlink,
                    .mode = 0644,
                    .size = 5,
                    .path = "/w/b",
                    .old_path = "/w/a\xff"};
const FileSeen seen_many{
    .kind = core::FileEventKind::created, .type = std::nullopt, .path = "/w", .old_path = "", .count = 200};

TEST(MonitorRecord, ComesBackAsItWasWritten) {
  for (const Record& record :
       {Record(ls), Record(ExecObserved{.pid = 7, .executable = "/usr/bin/ls"}), Record(keyctl), Record(ExecAttempt{}),
        Record(redacted_one), Record(discreet_one), Record(ExecFolded{7, "/a", "/b", 9}), Record(moved),
        Record(crashed), Record(several), Record(untold), Record(lost), Record(seen)}) {
    auto back = decode(encode(record));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_TRUE(*back == record);
  }
}

TEST(MonitorRecord, IsRefusedWhenCutAnywhereOrContinued) {
  for (const Record& record :
       {Record(ls), Record(keyctl), Record(moved), Record(several), Record(untold), Record(lost), Record(seen)}) {
    std::string bytes = encode(record);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(decode(bytes + "x"));
  }
  EXPECT_FALSE(decode("\x09"));
}

TEST(MonitorRecord, OfAnExecIsAClaim) {
  core::Event event = to_event(ls);
  EXPECT_EQ(event.kind, "exec.started");
  EXPECT_EQ(event.trust, core::Trust::claimed);
  EXPECT_EQ(
      base::json::serialize(event.payload),
      R"({"pid":7,"parent":3,"path":"/bin/ls","arguments":["ls","-l",""],"directory":"/home/ann","truncated":true})");
}

TEST(MonitorRecord, OfAFileIsAClaim) {
  core::Event event = to_event(moved);
  EXPECT_EQ(event.kind, "file.renamed");
  EXPECT_EQ(event.trust, core::Trust::claimed);
  EXPECT_EQ(base::json::serialize(event.payload),
            R"({"pid":7,"call":"renameat2","path":"/w/b\\xff","old_path":"/w/a","count":3,"escaped":true})");
}

TEST(MonitorRecord, OfAFileThatWasSeenToChangeIsObservedAndSaysWhen) {
  core::Event event = to_event(seen);
  EXPECT_EQ(event.kind, "file.renamed");
  EXPECT_EQ(event.trust, core::Trust::observed);
  EXPECT_EQ(
      base::json::serialize(event.payload),
      R"({"path":"/w/b","old_path":"/w/a\\xff","type":"symlink","mode":"0644","size":5,"while_running":true,"escaped":true})");
  EXPECT_EQ(base::json::serialize(to_event(seen_many).payload), R"({"path":"/w","count":200,"while_running":true})");
}

TEST(MonitorRecord, OfWhatTheKernelShowsIsObserved) {
  core::Event event = to_event(ExecObserved{.pid = 7, .executable = "/usr/bin/ls"});
  EXPECT_EQ(event.kind, "exec.observed");
  EXPECT_EQ(event.trust, core::Trust::observed);
}

TEST(MonitorRecord, OfAnEndHasTheStatusAsAShellGivesIt) {
  core::Event event = to_event(ProcessesExited{.wait_status = 3 << 8, .executable = "/bin/a", .ended = {{7, 1500}}});
  EXPECT_EQ(event.kind, "process.exited");
  EXPECT_EQ(event.trust, core::Trust::observed);
  EXPECT_EQ(event.risk, core::Risk::info);
  EXPECT_EQ(base::json::serialize(event.payload), R"({"pid":7,"executable":"/bin/a","status":3,"milliseconds":1500})");
  event = to_event(crashed);
  EXPECT_EQ(event.risk, core::Risk::low);
  EXPECT_EQ(
      base::json::serialize(event.payload),
      R"({"pid":7,"executable":"/bin/a\\xff","status":139,"signal":"SIGSEGV","milliseconds":1500,"escaped":true})");
}

TEST(MonitorRecord, OfSeveralEndsHasAllTheirNumbersAndTheLongestTime) {
  EXPECT_EQ(base::json::serialize(to_event(several).payload),
            R"({"status":0,"milliseconds":12,"count":2,"pids":[7,9]})");
}

TEST(MonitorRecord, OfAnEndThatWasNotToldHasNoStatus) {
  EXPECT_EQ(base::json::serialize(to_event(untold).payload), R"({"pid":7,"unknown":true,"milliseconds":3})");
  core::Event event = to_event(lost);
  EXPECT_EQ(event.kind, "process.unfollowed");
  EXPECT_EQ(base::json::serialize(event.payload), R"({"reason":"too many","count":1000,"pids":[7,8]})");
}

TEST(MonitorRecord, OfADeniedCallNamesCallErrorAndCount) {
  core::Event event = to_event(keyctl);
  EXPECT_EQ(event.kind, "call.denied");
  EXPECT_EQ(event.trust, core::Trust::observed);
  EXPECT_EQ(base::json::serialize(event.payload),
            R"({"pid":7,"call":"keyctl","error":"EPERM","arguments":["0x1","0x2","0x3"],"count":1000000})");
}

TEST(MonitorRecord, RanksWhatNoHonestProgramTriesAboveWhatManyTry) {
  auto risk = [](int number, bool foreign = false) {
    return to_event(DeniedCall{.number = number, .foreign = foreign, .arguments = {}}).risk;
  };
  EXPECT_EQ(risk(SYS_io_uring_setup), core::Risk::info);
  EXPECT_EQ(risk(SYS_keyctl), core::Risk::medium);
  EXPECT_EQ(risk(SYS_finit_module), core::Risk::high);
  EXPECT_EQ(risk(4, true), core::Risk::high);
}

TEST(MonitorRecord, MakesTextThatIsNotUtf8VisibleAndSaysSo) {
  core::Event event = to_event(ExecAttempt{.path = "/tmp/\xff", .arguments = {}, .directory = {}});
  EXPECT_EQ(event.payload.at("path").as_string(), "/tmp/\\xff");
  EXPECT_TRUE(event.payload.at("escaped").as_bool());
}

}  // namespace
}  // namespace hv::monitor
