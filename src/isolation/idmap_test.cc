#include "isolation/idmap.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/ordinary_user_test.h"
#include "base/remove_tree.h"

namespace hv::isolation {
namespace {

using core::IdRange;

class Sources : public testing::Test {
 protected:
  void SetUp() override {
    char text[] = "/tmp/hv-idmap-XXXXXX";
    ASSERT_NE(::mkdtemp(text), nullptr);
    directory = text;
    sources = {.subuid = directory + "/subuid",
               .subgid = directory + "/subgid",
               .passwd = directory + "/passwd",
               .group = directory + "/group",
               .program_directories = {directory}};
  }
  void TearDown() override { ASSERT_TRUE(base::remove_tree(directory)); }
  void put(const std::string& name, const std::string& text, mode_t mode = 0644) {
    ASSERT_TRUE(base::replace_file(directory + "/" + name, text, mode));
  }
  std::string directory;
  IdSources sources;
};

TEST(SubordinateRanges, FindsTheUserByNameAndByNumber) {
  std::string text = "root:100000:65536\nann:165536:65536\n1000:300000:1000\n";
  EXPECT_EQ(subordinate_ranges(text, "ann", 1000), (std::vector<SubordinateRange>{{165536, 65536}, {300000, 1000}}));
  EXPECT_TRUE(subordinate_ranges(text, "bob", 1001).empty());
}

TEST(SubordinateRanges, PassesOverLinesOfAnotherForm) {
  EXPECT_TRUE(
      subordinate_ranges("ann:1\nann:x:5\nann:5:0\nann:-1:5\n:5:5\nann:4294967295:2\n#ann:1:1", "ann", 7).empty());
}

TEST(RangeMap, MapsTheOwnIdToItselfAndTheRestToSubordinates) {
  std::vector<SubordinateRange> ranges{{100000, 65536}};
  EXPECT_EQ(range_map(1000, ranges), (std::vector<IdRange>{{0, 100000, 1000}, {1000, 1000, 1}, {1001, 101000, 64535}}));
}

TEST(RangeMap, ContinuesOverSeveralRangesAndStopsWhereTheyEnd) {
  std::vector<SubordinateRange> ranges{{100000, 500}, {200000, 1000}};
  EXPECT_EQ(range_map(1000, ranges),
            (std::vector<IdRange>{{0, 100000, 500}, {500, 200000, 500}, {1000, 1000, 1}, {1001, 200500, 500}}));
}

TEST(RangeMap, KeepsAnOwnIdAboveTheSandboxsOrdinaryIds) {
  std::vector<SubordinateRange> ranges{{100000, 65536}};
  EXPECT_EQ(range_map(200000, ranges), (std::vector<IdRange>{{0, 100000, 65536}, {200000, 200000, 1}}));
}

TEST(RangeMap, NeverMapsAnIdTwice) {
  for (uint32_t own : {0U, 1U, 65535U, 65536U, 70000U}) {
    std::vector<SubordinateRange> ranges{{100000, 10}, {200000, 65536}};
    uint64_t end = 0;
    for (const IdRange& range : range_map(own, ranges)) {
      EXPECT_GE(range.inside, end) << own;
      end = uint64_t{range.inside} + range.count;
    }
  }
}

TEST_F(Sources, WithoutTheProgramsOneIdIsMappedAndSaidWhy) {
  put("subuid", "ann:100000:65536\n");
  put("subgid", "ann:100000:65536\n");
  IdMaps maps = rootless_maps("ann", 1000, 1000, sources);
  EXPECT_TRUE(maps.single());
  EXPECT_EQ(maps.uids, (std::vector<IdRange>{{1000, 1000, 1}}));
  EXPECT_THAT(maps.degradation, testing::HasSubstr("newuidmap"));
}

TEST_F(Sources, WithoutALineOneIdIsMappedAndTheCommandIsNamed) {
  put("newuidmap", "", 0755);
  put("newgidmap", "", 0755);
  put("subuid", "ann:100000:65536\n");
  IdMaps maps = rootless_maps("ann", 1000, 1000, sources);
  EXPECT_TRUE(maps.single());
  EXPECT_THAT(maps.degradation,
              testing::HasSubstr("usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ann"));
}

TEST_F(Sources, WithEverythingARangeIsMapped) {
  put("newuidmap", "", 0755);
  put("newgidmap", "", 0755);
  put("subuid", "ann:100000:65536\n");
  put("subgid", "ann:200000:65536\n");
  IdMaps maps = rootless_maps("ann", 1000, 100, sources);
  EXPECT_FALSE(maps.single());
  EXPECT_EQ(maps.uids.size(), 3);
  EXPECT_EQ(maps.gids, (std::vector<IdRange>{{0, 200000, 100}, {100, 100, 1}, {101, 200100, 65435}}));
}

TEST_F(Sources, RootsRangeAvoidsEveryClaim) {
  // The first three slots begin at 524288, 589824 and 655360.
  put("subuid", "ann:524288:65536\n");
  put("passwd", "x:x:600000:1::/:\n");
  std::vector<IdRange> used{{0, 655360, 65536}};
  EXPECT_EQ(choose_root_range(0, used, sources)->outside, 720896);
  EXPECT_EQ(choose_root_range(0, {}, sources)->outside, 655360);
}

TEST_F(Sources, RootsRangeStaysInsideTheContainersRange) {
  for (uint64_t seed : {uint64_t{0}, uint64_t{28662}, uint64_t{28663}, UINT64_MAX}) {
    IdRange range = *choose_root_range(seed, {}, sources);
    EXPECT_GE(range.outside, 524288);
    EXPECT_LE(uint64_t{range.outside} + range.count, 1878982656);
    EXPECT_EQ(range.outside % 65536, 0);
  }
}

TEST_F(Sources, SaysThatNoRangeIsLeft) {
  put("subuid", "ann:0:2000000000\n");
  auto range = choose_root_range(5, {}, sources);
  ASSERT_FALSE(range);
  EXPECT_EQ(range.error().code(), base::ErrorCode::unavailable);
}

// What a process that enters the namespace finds in /proc/self/uid_map, as numbers.
std::vector<uint32_t> map_inside(const base::Fd& user_namespace) {
  auto pipe = base::make_pipe();
  pid_t pid = ::fork();
  if (pid == 0) {
    if (::setns(user_namespace.get(), CLONE_NEWUSER) != 0) ::_exit(1);
    auto text = base::read_file("/proc/self/uid_map", 4096);
    ::_exit(text && base::write_all(pipe->write_end.get(), *text) ? 0 : 2);
  }
  pipe->write_end.close();
  std::string text = *base::read_all(pipe->read_end.get());
  ::waitpid(pid, nullptr, 0);
  std::vector<uint32_t> numbers;
  std::istringstream words(text);
  for (uint32_t number = 0; words >> number;) numbers.push_back(number);
  return numbers;
}

TEST(RootlessNamespace, OfOneIdMapsIt) {
  uid_t own = ::geteuid();
  IdMaps maps{.uids = {{4321, own, 1}},
              .gids = {{1234, ::getegid(), 1}},
              .newuidmap = {},
              .newgidmap = {},
              .degradation = "why"};
  auto made = make_rootless_namespace(maps);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(map_inside(*made), (std::vector<uint32_t>{4321, own, 1}));
}

TEST(RootlessNamespace, OfARangeMapsTheUsersSubordinateIds) {
  // The range below the own id, the own id, and those above: three lines of three numbers.
  auto claim = [] {
    const passwd* user = ::getpwuid(::geteuid());
    auto made = make_rootless_namespace(rootless_maps(user != nullptr ? user->pw_name : "", ::geteuid(), ::getegid()));
    return made && map_inside(*made).size() == 9;
  };
  EXPECT_EXIT(base::exit_as_ordinary_user(claim), testing::ExitedWithCode(0), "");
}

TEST(RootlessNamespace, WithAForeignIdIsRefusedByTheKernel) {
  auto claim = [] {
    IdMaps maps{.uids = {{0, 0, 1}}, .gids = {{0, 0, 1}}, .newuidmap = {}, .newgidmap = {}, .degradation = "why"};
    return !make_rootless_namespace(maps);
  };
  EXPECT_EXIT(base::exit_as_ordinary_user(claim), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hv::isolation
