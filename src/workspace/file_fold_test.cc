#include "workspace/file_fold.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/text.h"

namespace hv::workspace {
namespace {

using core::FileEvent;
using core::FileEventKind;

FileEvent event(std::string path, FileEventKind kind = FileEventKind::created) {
  FileEvent made;
  made.kind = kind;
  made.path = std::move(path);
  return made;
}

std::vector<FileEvent> many(const std::string& directory, int count) {
  std::vector<FileEvent> events;
  for (int i = 0; i < count; ++i) events.push_back(event(directory + "/f" + std::to_string(i)));
  return events;
}

void append(std::vector<FileEvent>& events, std::vector<FileEvent> more) {
  for (FileEvent& item : more) events.push_back(std::move(item));
}

// Every path that an event names, and how many it stands for without.
std::pair<std::set<std::string>, uint64_t> told(const std::vector<FileEvent>& events) {
  std::set<std::string> paths;
  uint64_t unnamed = 0;
  for (const FileEvent& item : events) {
    if (item.count == 0) {
      paths.insert(item.path);
    } else {
      paths.insert(item.paths.begin(), item.paths.end());
      unnamed += item.count - item.paths.size();
    }
  }
  return {paths, unnamed};
}

TEST(FileFold, WithinTheBudgetEveryPathIsItsOwn) {
  auto folded = fold_events(many("src", 50), "/w");
  ASSERT_EQ(folded.size(), 50u);
  EXPECT_EQ(folded[0].path, "/w/src/f0");
  EXPECT_EQ(folded[0].count, 0u);
}

TEST(FileFold, TheLargestDirectoriesGoFirst) {
  std::vector<FileEvent> events = many("node_modules/a/lib", 3000);
  append(events, many("src", 20));
  events.push_back(event("Makefile", FileEventKind::modified));
  auto folded = fold_events(events, "/w", {.events = 100});
  auto single = [&](const std::string& path) {
    return std::ranges::any_of(folded, [&](const FileEvent& item) { return item.path == path && item.count == 0; });
  };
  EXPECT_TRUE(single("/w/Makefile"));
  EXPECT_TRUE(single("/w/src/f19"));
  auto [paths, unnamed] = told(folded);
  EXPECT_EQ(paths.size() + unnamed, 3021u);
  EXPECT_EQ(unnamed, 0u);
  EXPECT_TRUE(paths.contains("/w/node_modules/a/lib/f2999"));
  EXPECT_LT(folded.size(), 120u);
}

TEST(FileFold, KindsAreNotMixed) {
  std::vector<FileEvent> events = many("d", 10);
  for (int i = 0; i < 10; ++i) events.push_back(event("d/gone" + std::to_string(i), FileEventKind::deleted));
  FileEvent moved = event("d/new", FileEventKind::renamed);
  moved.old_path = "d/old";
  events.push_back(moved);
  auto folded = fold_events(events, "/w", {.events = 5});
  ASSERT_EQ(folded.size(), 3u);
  EXPECT_EQ(folded[0].path, "/w");
  for (const FileEvent& item : folded) EXPECT_EQ(item.count, item.kind == FileEventKind::renamed ? 2u : 10u);
}

TEST(FileFold, TheDigestIsOverWhatIsCounted) {
  auto folded = fold_events({event("d/b"), event("d/a")}, "/w", {.events = 1, .event_bytes = 3});
  ASSERT_EQ(folded.size(), 1u);
  EXPECT_TRUE(folded[0].paths.empty());
  EXPECT_EQ(folded[0].count, 2u);
  std::string hashed("/w/d/a\0/w/d/b\0", 14);
  EXPECT_EQ(folded[0].digest, base::to_hex(base::as_view(base::sha256(hashed))));
}

TEST(FileFold, WhatIsWrittenStaysBounded) {
  std::vector<FileEvent> events;
  for (int directory = 0; directory < 300; ++directory) append(events, many("a/d" + std::to_string(directory), 200));
  append(events, many("flat", 20'000));
  FoldBounds bounds{.events = 500, .event_bytes = 4096, .total_bytes = 100'000};
  auto folded = fold_events(events, "/w", bounds);
  EXPECT_LT(folded.size(), 600u);
  size_t bytes = 0;
  uint64_t counted = 0;
  for (const FileEvent& item : folded) {
    counted += std::max<uint64_t>(1, item.count);
    for (const std::string& path : item.paths) bytes += path.size();
  }
  EXPECT_EQ(counted, 80'000u);
  EXPECT_LE(bytes, bounds.total_bytes);
}

}  // namespace
}  // namespace hv::workspace
