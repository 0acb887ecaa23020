#include "workspace/file_listing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "workspace/discard.h"
#include "workspace/live.h"
#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

class FileListing : public ::testing::Test, protected OverlayWorld {
 protected:
  // "kind path" a line, for what was not told before; afterwards it counts as told.
  std::string told(core::WorkspaceMode mode = core::WorkspaceMode::cow, bool settle = true) {
    Places places{root_ + "/ws", root_ + "/records", ""};
    auto listed = list_files(places, mode, next_);
    if (!listed) return listed.error().message();
    PendingFiles files = pending_files(places.records).value().value();
    EXPECT_EQ(files.events.size(), *listed);
    EXPECT_EQ(files.first, next_);
    next_ += *listed;
    std::string text;
    for (const core::FileEvent& event : files.events) {
      EXPECT_TRUE(event.path.starts_with(root_ + "/ws"));
      text += std::string(core::name_of(event.kind)) + " " + event.path.substr(root_.size() + 4);
      if (!event.old_path.empty()) text += " < " + event.old_path.substr(root_.size() + 4);
      text += event.host_changed ? " (host)\n" : event.unclaimed ? " (unclaimed)\n" : "\n";
    }
    if (settle) EXPECT_TRUE(settle_files(places.records));
    return text;
  }
  uint64_t next_ = 1;
};

TEST_F(FileListing, TellsEveryKindOnce) {
  host("echo one > a; mkdir gone; echo x > gone/f; echo m > mode; echo moved > from; ln -s a link; echo s > same");
  INSIDE_OR_SKIP(
      "echo two >> a; rm -r gone; chmod 600 mode; mv from to; rm link; ln -s mode link; echo s > same; mkdir d; echo z "
      "> d/z; mkfifo pipe");
  EXPECT_EQ(told(),
            "modified a\ncreated d\ncreated d/z\ndeleted gone\ndeleted gone/f\nmodified link\nmode mode\ncreated "
            "pipe\nrenamed to < from\n");
  EXPECT_EQ(told(), "");
}

TEST_F(FileListing, TellsOfRepositoriesAndSetIdBitsToo) {
  host("git init -q .; echo x > tool");
  INSIDE_OR_SKIP("echo '#!/bin/sh' > .git/hooks/pre-commit; echo 1 > .git/objects/blob; chmod u+s tool");
  EXPECT_EQ(told(), "created .git/hooks/pre-commit\ncreated .git/objects/blob\nmode tool\n");
}

TEST_F(FileListing, ALaterStopTellsOnlyWhatCameSince) {
  host("echo one > a; echo host > b");
  INSIDE_OR_SKIP("echo two > a; echo n > new; echo k > kept; mkdir d; echo 1 > d/1; rm b");
  EXPECT_EQ(told(), "modified a\ndeleted b\ncreated d\ncreated d/1\ncreated kept\ncreated new\n");
  wait_a_tick();
  ASSERT_TRUE(inside("rm new; echo three > a; mv d e; echo back > b; chmod 600 kept"));
  EXPECT_EQ(told(), "modified a\ncreated b\nrenamed e < d\nrenamed e/1 < d/1\nmode kept\ndeleted new\n");
  // Even when times and size are as they were.
  wait_a_tick();
  ASSERT_TRUE(inside("touch -r kept stamp; printf 'K\\n' > kept; touch -r stamp kept; rm stamp"));
  EXPECT_EQ(told(), "modified kept\n");
}

// The file system gives the number of a file that is gone to a new one, sooner or later.
TEST_F(FileListing, AFileWithTheNumberOfOneThatIsGoneIsNoRename) {
  host("true");
  INSIDE_OR_SKIP("echo n > new; mkdir d");
  EXPECT_EQ(told(), "created d\ncreated new\n");
  auto inode = [&](const std::string& name) {
    struct stat about{};
    return ::stat((root_ + "/records/upper/" + name).c_str(), &about) == 0 ? about.st_ino : 0;
  };
  ino_t file = inode("new");
  ino_t directory = inode("d");
  ASSERT_TRUE(inside("rm new; rmdir d"));
  wait_a_tick();
  // As the agent makes them, in its layer, until one of each has the number; a disk that never does shows nothing.
  for (int i = 0; i < 400; ++i) {
    std::string name = "x" + std::to_string(i);
    shell("echo n > " + root_ + "/records/upper/" + name + "; mkdir " + root_ + "/records/upper/" + name + ".d");
    if (inode(name) == file || inode(name + ".d") == directory) break;
  }
  std::string after = told();
  EXPECT_EQ(after.find("renamed"), std::string::npos) << after;
  EXPECT_NE(after.find("deleted new\n"), std::string::npos) << after;
}

TEST_F(FileListing, AFileThatIsMovedAndChangedIsAnotherOne) {
  host("true");
  INSIDE_OR_SKIP("echo n > new; echo m > moved");
  EXPECT_EQ(told(), "created moved\ncreated new\n");
  wait_a_tick();
  ASSERT_TRUE(inside("mv new changed; echo more >> changed; mv moved there"));
  EXPECT_EQ(told(), "created changed\ndeleted new\nrenamed there < moved\n");
}

TEST_F(FileListing, WhatTheUserDidIsNotToldAsTheAgents) {
  host("echo one > a");
  INSIDE_OR_SKIP("echo two > a; echo n > new; echo x > thrown");
  EXPECT_EQ(told(), "modified a\ncreated new\ncreated thrown\n");
  apply_all({.paths = {"a", "new"}, .accept = {}, .hunks = {}});
  ASSERT_TRUE(discard(open(), {"thrown"}));
  ASSERT_TRUE(forget_files(root_ + "/records", {"thrown"}));
  EXPECT_EQ(told(), "");
}

TEST_F(FileListing, AnEditOfTheHostIsMarked) {
  host("echo one > a");
  INSIDE_OR_SKIP("echo inside > a");
  wait_a_tick();
  shell("echo host > a");
  EXPECT_EQ(told(), "modified a (host)\n");
}

TEST_F(FileListing, AWriterThroughAMappingIsSeen) {
  host("printf aaaa > a");
  INSIDE_OR_SKIP(
      "python3 -c \"import mmap; f = open('a', 'r+b'); m = mmap.mmap(f.fileno(), 4); m[0:1] = b'b'; m.flush()\"");
  EXPECT_EQ(told(), "modified a\n");
}

TEST_F(FileListing, AListThatWaitsIsNotReplaced) {
  host("true");
  INSIDE_OR_SKIP("echo 1 > a");
  EXPECT_EQ(told(core::WorkspaceMode::cow, false), "created a\n");
  EXPECT_NE(told().find("an earlier list is not recorded yet"), std::string::npos);
  // A crash after the first half of settling.
  shell("mv files.next files.seen", "/records");
  ASSERT_TRUE(settle_files(root_ + "/records"));
  EXPECT_FALSE(pending_files(root_ + "/records").value());
  EXPECT_EQ(told(), "");
}

TEST_F(FileListing, ADamagedMemoryTellsTwiceRatherThanNever) {
  host("true");
  INSIDE_OR_SKIP("echo 1 > a");
  EXPECT_EQ(told(), "created a\n");
  shell("printf 'f 644 garbage\\n' >> files.seen", "/records");
  EXPECT_EQ(told(), "created a\n");
}

TEST_F(FileListing, OfALiveWorkspaceTellsWhatDiffersFromTheCopies) {
  shell("echo one > a; echo m > m; echo gone > gone; echo moved > from");
  PreimageStore kept = std::move(
      PreimageStore::open(Tree::open(root_ + "/ws").value(), root_ + "/records/preimages", PreimageStore::Limits{})
          .value());
  for (const char* path : {"a", "m", "gone", "new", "d", "from", "to"}) ASSERT_TRUE(kept.keep(path)) << path;
  shell("echo two > a; chmod 600 m; rm gone; echo n > new; mkdir d; echo x > d/x; mv from to");
  EXPECT_EQ(told(core::WorkspaceMode::live),
            "modified a\ncreated d\ncreated d/x\ndeleted gone\nmode m\ncreated new\nrenamed to < from\n");
  EXPECT_EQ(told(core::WorkspaceMode::live), "");
}

TEST_F(FileListing, OfALiveWorkspaceTellsWhatNobodyClaimed) {
  shell("echo one > a; echo old > old; mkdir d; echo s > d/same");
  PreimageStore kept = std::move(
      PreimageStore::open(Tree::open(root_ + "/ws").value(), root_ + "/records/preimages", PreimageStore::Limits{})
          .value());
  wait_a_tick();
  shell(": > files.due", "/records");
  wait_a_tick();
  ASSERT_TRUE(kept.keep("a"));
  shell("echo two > a; echo dodged > d/dodged; echo new >> old; touch -d 2001-01-01 old");
  EXPECT_EQ(told(core::WorkspaceMode::live), "modified a\ncreated d/dodged (unclaimed)\nmodified old (unclaimed)\n");
}

TEST(PendingFiles, ComeBackAsTheyWereWritten) {
  PendingFiles files{7, {}};
  core::FileEvent single;
  single.kind = core::FileEventKind::owner;
  single.path = "/w/b\xff";
  single.before = core::FileState{core::FileType::regular, 04755, 1000, 1000, 12};
  single.after = core::FileState{core::FileType::regular, 04755, 1001, 1000, 12};
  single.host_changed = true;
  single.unclaimed = true;
  core::FileEvent fold;
  fold.kind = core::FileEventKind::created;
  fold.path = "/w/d";
  fold.count = 3;
  fold.paths = {"/w/d/1", "/w/d/2\\"};
  fold.digest = "00ff";
  files.events = {single, fold};
  auto again = parse_pending_files(to_text(files));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->first, 7u);
  EXPECT_EQ(again->events, files.events);
}

TEST(PendingFiles, RefuseWhatIsNoList) {
  for (const char* text :
       {"", "[]", R"({"version":2,"first":1,"events":[]})", R"({"version":1,"first":-1,"events":[]})",
        R"({"version":1,"first":1,"events":[{"kind":"eaten","path":"a"}]})",
        R"({"version":1,"first":1,"events":[{"kind":"mode","path":"a","after":{"type":"regular","mode":-1}}]})",
        R"({"version":1,"first":1,"events":{}})", R"({"version":1,"first":1,"events":[],"more":1})"})
    EXPECT_FALSE(parse_pending_files(text)) << text;
}

}  // namespace
}  // namespace hv::workspace
