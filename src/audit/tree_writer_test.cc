#include "audit/tree_writer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "audit/test_directory.h"
#include "audit/tile_tree.h"

namespace hv::audit {
namespace {

std::string entry_of(uint64_t index) {
  return "entry " + std::to_string(index);
}

std::vector<Digest> leaves_of(uint64_t count) {
  std::vector<Digest> leaves;
  for (uint64_t i = 0; i < count; ++i) leaves.push_back(leaf_hash(entry_of(i)));
  return leaves;
}

TEST(TilePath, FollowsTheExampleOfTheSpecification) {
  EXPECT_EQ(tile_path(0, 1234067), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path(2, 0), "tile/2/000");
  EXPECT_EQ(tile_path(1, 1000, 17), "tile/1/x001/000.p/17");
  EXPECT_EQ(entries_path(999, 255), "tile/entries/999.p/255");
}

TEST(TilePath, CountsTilesAsTheSpecificationDoes) {
  EXPECT_EQ(level_size(70'000, 0) / 256, 273u);
  EXPECT_EQ(level_size(70'000, 0) % 256, 112u);
  EXPECT_EQ(level_size(70'000, 1) / 256, 1u);
  EXPECT_EQ(level_size(70'000, 1) % 256, 17u);
  EXPECT_EQ(level_size(70'000, 2), 1u);
}

TEST(TreeWriter, WritesTheTilesOfTheSpecificationsExample) {
  TestDirectory directory;
  TreeWriter writer(directory.path(), system_files());
  for (uint64_t i = 0; i < 70'000; ++i) writer.append(entry_of(i));
  ASSERT_TRUE(writer.publish());
  for (const char* path : {"tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
                           "tile/entries/272", "tile/entries/273.p/112"})
    EXPECT_TRUE(std::filesystem::exists(directory.path() + "/" + path)) << path;
  EXPECT_EQ(std::filesystem::file_size(directory.path() + "/tile/1/000"), 8192u);
  EXPECT_EQ(std::filesystem::file_size(directory.path() + "/tile/2/000.p/1"), 32u);
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/tile/0/274"));
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/tile/3"));
  EXPECT_EQ(*TileTree(directory.path(), 70'000).root(), root_of(leaves_of(70'000)));
}

TEST(TreeWriter, PublishesEverySizeSoThatItsTilesHaveItsRoot) {
  TestDirectory directory;
  std::vector<Digest> leaves = leaves_of(600);
  TreeWriter writer(directory.path(), system_files());
  for (uint64_t size = 1; size <= 600; ++size) {
    writer.append(entry_of(size - 1));
    if (size % 37 != 0 && size % 256 > 1 && size != 600) continue;
    ASSERT_TRUE(writer.publish());
    TileTree tree(directory.path(), size);
    Digest root = root_of({leaves.begin(), leaves.begin() + static_cast<ptrdiff_t>(size)});
    ASSERT_EQ(writer.root(), root) << size;
    ASSERT_EQ(*tree.root(), root) << size;
    ASSERT_EQ(*tree.entry(size - 1), entry_of(size - 1));
  }
  // Sizes published before stay readable after their partial tiles went away.
  EXPECT_EQ(*TileTree(directory.path(), 74).root(), root_of({leaves.begin(), leaves.begin() + 74}));
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/tile/0/000.p"));
}

TEST(TreeWriter, ResumesAtEverySizeAsIfItHadNeverStopped) {
  std::vector<Digest> leaves = leaves_of(1);
  for (uint64_t size :
       {uint64_t{1}, uint64_t{255}, uint64_t{256}, uint64_t{257}, uint64_t{511}, uint64_t{512}, uint64_t{65'793}}) {
    TestDirectory directory;
    TreeWriter writer(directory.path(), system_files());
    for (uint64_t i = 0; i < size; ++i) writer.append(entry_of(i));
    ASSERT_TRUE(writer.publish());
    auto resumed = TreeWriter::resume(directory.path(), system_files(), size, writer.root());
    ASSERT_TRUE(resumed) << size << ": " << resumed.error().text();
    for (uint64_t i = size; i < size + 300; ++i) {
      writer.append(entry_of(i));
      resumed->append(entry_of(i));
    }
    ASSERT_TRUE(resumed->publish());
    EXPECT_EQ(resumed->root(), writer.root());
    EXPECT_EQ(*TileTree(directory.path(), size + 300).root(), writer.root());
    EXPECT_EQ(*TileTree(directory.path(), size + 300).entry(size), entry_of(size));
  }
}

TEST(TreeWriter, DoesNotResumeFromTilesThatWereChanged) {
  TestDirectory directory;
  TreeWriter writer(directory.path(), system_files());
  for (uint64_t i = 0; i < 300; ++i) writer.append(entry_of(i));
  ASSERT_TRUE(writer.publish());
  for (const char* path : {"tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"}) {
    directory.flip_byte(path, 20);
    EXPECT_FALSE(TreeWriter::resume(directory.path(), system_files(), 300, writer.root())) << path;
    directory.flip_byte(path, 20);
    EXPECT_TRUE(TreeWriter::resume(directory.path(), system_files(), 300, writer.root())) << path;
  }
}

TEST(TreeWriter, KeepsFullTilesUntilTheyCouldBeWritten) {
  TestDirectory directory;
  FaultyFiles files;
  TreeWriter writer(directory.path(), files);
  for (uint64_t i = 0; i < 600; ++i) writer.append(entry_of(i));
  files.fail_replace_after(1, ENOSPC);
  EXPECT_FALSE(writer.publish());
  files.heal();
  ASSERT_TRUE(writer.publish());
  EXPECT_EQ(*TileTree(directory.path(), 600).root(), root_of(leaves_of(600)));
}

TEST(TileTree, ProvesEveryEntryAndEveryEarlierTree) {
  TestDirectory directory;
  std::vector<Digest> leaves = leaves_of(700);
  TreeWriter writer(directory.path(), system_files());
  for (uint64_t i = 0; i < 700; ++i) writer.append(entry_of(i));
  ASSERT_TRUE(writer.publish());
  TileTree tree(directory.path(), 700);
  for (uint64_t index : {0, 1, 255, 256, 511, 512, 698, 699})
    EXPECT_TRUE(check_inclusion(leaves[index], index, 700, *tree.inclusion(index), writer.root())) << index;
  for (uint64_t size : {1, 2, 255, 256, 257, 512, 699, 700})
    EXPECT_TRUE(check_consistency(size, root_of({leaves.begin(), leaves.begin() + static_cast<ptrdiff_t>(size)}), 700,
                                  writer.root(), *tree.consistency(size)))
        << size;
  EXPECT_FALSE(tree.inclusion(700));
  EXPECT_FALSE(tree.consistency(0));
}

}  // namespace
}  // namespace hv::audit
