#include "supervisor/touched_files.h"

#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/remove_tree.h"

namespace hv::supervisor {
namespace {

using core::FileEventKind;

// Two directories in the place of the layers.
class TouchedFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-touched-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    top_ = name;
    for (const char* layer : {"/upper", "/lower"}) ASSERT_EQ(::mkdir((top_ + layer).c_str(), 0755), 0);
    places_.push_back({*base::open_file(top_ + "/upper", O_RDONLY | O_DIRECTORY),
                       *base::open_file(top_ + "/lower", O_PATH | O_DIRECTORY), "/w"});
  }
  void TearDown() override { static_cast<void>(base::remove_tree(top_)); }

  void write(const std::string& path, const std::string& text, int64_t time = 1000) {
    ASSERT_TRUE(base::replace_file(top_ + "/" + path, text, 0644));
    timespec times[2]{{time, 0}, {time, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (top_ + "/" + path).c_str(), times, 0), 0);
  }
  TouchedFile& touch(const std::string& path) { return touched_[{0, path}]; }
  std::vector<monitor::FileSeen> became(int64_t since = 0) { return what_became(places_, touched_, since); }
  // "created /w/a"; of a rename also from where.
  std::vector<std::string> told(int64_t since = 0) {
    std::vector<std::string> lines;
    for (const auto& seen : became(since)) {
      std::string line(core::name_of(seen.kind));
      if (!seen.old_path.empty()) line += " " + seen.old_path;
      lines.push_back(line + " " + seen.path);
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  std::string top_;
  std::vector<LayeredPlace> places_;
  TouchedFiles touched_;
};

TEST_F(TouchedFilesTest, WhatIsNewIsCreatedAndWhatCameUpIsModified) {
  write("upper/new", "x");
  write("lower/old", "x");
  write("upper/old", "xy");
  touch("new").appeared = touch("old").appeared = true;
  EXPECT_EQ(told(), (Lines{"created /w/new", "modified /w/old"}));
}

TEST_F(TouchedFilesTest, WhatCameUpAndIsTheSameIsNothingOrAMode) {
  for (const char* name : {"same", "mode"}) {
    write(std::string("lower/") + name, "x");
    write(std::string("upper/") + name, "x");
    touch(name).appeared = true;
  }
  ::chmod((top_ + "/upper/mode").c_str(), 0600);
  EXPECT_EQ(told(), (Lines{"mode /w/mode"}));
}

TEST_F(TouchedFilesTest, WhatCameAndWentIsNothingAndWhatWasThereIsDeleted) {
  write("lower/low", "x");
  touch("brief").appeared = touch("brief").left = true;
  touch("up").left = true;
  touch("low").appeared = true;
  EXPECT_EQ(told(), (Lines{"deleted /w/low", "deleted /w/up"}));
}

TEST_F(TouchedFilesTest, ARenameIsOneThingNotTwo) {
  write("upper/b", "x");
  touch("a").left = true;
  touch("b").from = {0, "a"};
  EXPECT_EQ(told(), (Lines{"renamed /w/a /w/b"}));
  // What was renamed and is gone again was deleted from where it had been.
  ASSERT_EQ(::unlink((top_ + "/upper/b").c_str()), 0);
  touch("b").appeared = true;
  EXPECT_EQ(told(), (Lines{"deleted /w/a"}));
}

TEST_F(TouchedFilesTest, ClosingWithoutAWriteIsNoChangeUnlessAMappingMadeOne) {
  write("upper/a", "x", 1000);
  touch("a").closed = true;
  EXPECT_TRUE(told(int64_t{1001} * 1'000'000'000).empty());
  EXPECT_EQ(told(int64_t{999} * 1'000'000'000), (Lines{"modified /w/a"}));
}

TEST_F(TouchedFilesTest, ALinkOfTheAgentsLeadsNowhere) {
  ASSERT_EQ(::symlink("/etc", (top_ + "/upper/d").c_str()), 0);
  touch("d/passwd").written = true;
  EXPECT_EQ(told(), (Lines{"deleted /w/d/passwd"}));
}

TEST_F(TouchedFilesTest, ManyOfADirectoryAreOne) {
  ASSERT_EQ(::mkdir((top_ + "/upper/d").c_str(), 0755), 0);
  for (int i = 0; i < 150; ++i) {
    write("upper/d/" + std::to_string(i), "x");
    touch("d/" + std::to_string(i)).appeared = true;
  }
  write("upper/alone", "x");
  touch("alone").appeared = true;
  auto seen = became();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].path, "/w/alone");
  EXPECT_EQ(seen[1].path, "/w/d");
  EXPECT_EQ(seen[1].count, 150u);
}

}  // namespace
}  // namespace hv::supervisor
