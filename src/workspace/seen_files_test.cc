#include "workspace/seen_files.h"

#include <gtest/gtest.h>

#include "base/fd.h"
#include "workspace/overlay_test.h"

namespace hv::workspace {
namespace {

class SeenFilesTest : public ::testing::Test, protected OverlayWorld {
 protected:
  std::string file() const { return root_ + "/records/seen"; }
};

TEST_F(SeenFilesTest, ComeBackAsTheyWereWritten) {
  SeenFiles seen(77);
  Entry entry;
  entry.type = FileType::symlink;
  entry.mode = 04711;
  entry.uid = 1000;
  entry.gid = 5;
  entry.size = 123;
  entry.mtime = -5;
  entry.ctime = 1'700'000'000'000'000'001;
  entry.inode = 42;
  seen.set("a b\n\xff", entry);
  seen.set("gone", std::nullopt);
  ASSERT_TRUE(seen.save(file()));
  SeenFiles again = SeenFiles::load(file()).value();
  ASSERT_EQ(again.paths().size(), 2u);
  EXPECT_TRUE(is_same(*again.paths().at("a b\n\xff"), entry));
  EXPECT_FALSE(again.paths().at("gone"));
  EXPECT_FALSE(again.is_covered(Entry{}));
}

TEST_F(SeenFilesTest, ForgetsWhatLiesBelowAndNothingBeside) {
  SeenFiles seen(1);
  for (const char* path : {"d", "d-e", "d/a", "d/b/c", "d0", "e"}) seen.set(path, Entry{});
  seen.forget({"d"});
  std::string left;
  for (const auto& [path, entry] : seen.paths()) left += path + " ";
  EXPECT_EQ(left, "d-e d0 e ");
}

TEST_F(SeenFilesTest, AnAbsentFileIsEmptyAndADamagedOneIsRefused) {
  EXPECT_TRUE(SeenFiles::load(file()).value().paths().empty());
  for (const char* text :
       {"", "hydravisor files 2 1 1\n", "hydravisor files 1 1 1", "hydravisor files 1 1 1\nf 1 2\n",
        "hydravisor files 1 1 1\nx 644 0 0 1 1 1 1 61\n", "hydravisor files 1 1 1\nf 644 0 0 1 1 1 1 2e2e\n"}) {
    ASSERT_TRUE(base::write_file_atomically(file(), text));
    EXPECT_FALSE(SeenFiles::load(file())) << text;
  }
}

}  // namespace
}  // namespace hv::workspace
