#include "supervisor/touched_files.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <optional>
#include <set>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace hv::supervisor {

namespace {

using core::FileEventKind;
using core::FileType;
using monitor::FileSeen;

// More than this at once are folded: so many of one directory and kind are one record.
constexpr size_t kMostAlone = 100;
constexpr size_t kMostRecords = 500;

struct Look {
  bool whiteout = false;
  FileType type = FileType::regular;
  uint32_t mode = 0;
  uint64_t size = 0;
  int64_t changed = 0;  // its content, in nanoseconds
};

std::optional<Look> look_at(const base::Fd& top, const std::string& path) {
  // The agent made these names: no link of its leads anywhere.
  auto file = base::open_resolving(top.get(), path, O_PATH | O_NOFOLLOW, 0,
                                   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  struct stat about{};
  if (!file || ::fstat(file->get(), &about) != 0) return std::nullopt;
  Look look;
  look.whiteout = S_ISCHR(about.st_mode) && about.st_rdev == makedev(0, 0);
  look.type = S_ISREG(about.st_mode)   ? FileType::regular
              : S_ISDIR(about.st_mode) ? FileType::directory
              : S_ISLNK(about.st_mode) ? FileType::symlink
                                       : FileType::other;
  look.mode = about.st_mode & 07777;
  look.size = look.type == FileType::directory ? 0 : static_cast<uint64_t>(about.st_size);
  look.changed = int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
  return look;
}

std::string name_of(const LayeredPlace& place, const std::string& path) {
  return place.target + "/" + path;
}

class Judge {
 public:
  Judge(const std::vector<LayeredPlace>& places, const TouchedFiles& touched, int64_t since)
      : places_(places), since_(since) {
    for (const auto& [spot, file] : touched) {
      if (file.from.second.empty()) continue;
      std::optional<Look> there = look_at(places_[spot.first].upper, spot.second);
      if (there && !there->whiteout) went_elsewhere_.insert(file.from);
    }
  }

  std::optional<FileSeen> judge(const Spot& spot, const TouchedFile& touched) const {
    const LayeredPlace& place = places_[spot.first];
    std::optional<Look> now = look_at(place.upper, spot.second);
    std::optional<Look> below = look_at(place.lower, spot.second);
    FileSeen seen;
    seen.path = name_of(place, spot.second);
    if (now && now->whiteout) now.reset();
    if (!now) {
      // What came and went is nothing; what went elsewhere is told there.
      bool was_there = below.has_value() || !touched.appeared;
      if (!was_there || went_elsewhere_.contains(spot)) return std::nullopt;
      seen.kind = FileEventKind::deleted;
      if (below) seen.type = below->type;
      return seen;
    }
    seen.type = now->type;
    seen.mode = now->mode;
    seen.size = now->size;
    std::optional<FileEventKind> kind = kind_of(touched, *now, below);
    if (!kind) return std::nullopt;
    seen.kind = *kind;
    if (*kind == FileEventKind::renamed) seen.old_path = name_of(places_[touched.from.first], touched.from.second);
    return seen;
  }

 private:
  std::optional<FileEventKind> kind_of(const TouchedFile& touched, const Look& now,
                                       const std::optional<Look>& below) const {
    bool recent = now.changed >= since_;
    if (below && below->type == now.type) {
      if (now.type == FileType::directory) return std::nullopt;
      bool differs = below->size != now.size || below->changed != now.changed;
      bool touched_content = touched.appeared || touched.written || (touched.closed && recent);
      if (differs && touched_content) return FileEventKind::modified;
      if (touched.appeared && below->mode != now.mode) return FileEventKind::mode;
      return std::nullopt;
    }
    if (!touched.from.second.empty()) return FileEventKind::renamed;
    if (touched.appeared) return below ? FileEventKind::modified : FileEventKind::created;
    if (now.type == FileType::directory) return std::nullopt;
    if (touched.written || (touched.closed && recent)) return FileEventKind::modified;
    return std::nullopt;
  }
  const std::vector<LayeredPlace>& places_;
  int64_t since_;
  std::set<Spot> went_elsewhere_;
};

// One record for those of a kind in a directory; a rename stays what it is.
std::vector<FileSeen> fold(std::vector<FileSeen> all) {
  if (all.size() <= kMostAlone) return all;
  std::map<std::pair<std::string, FileEventKind>, std::vector<FileSeen>> groups;
  for (FileSeen& seen : all) {
    std::string directory = seen.path.substr(0, seen.path.rfind('/'));
    groups[{std::move(directory), seen.kind}].push_back(std::move(seen));
  }
  std::vector<FileSeen> folded;
  for (auto& [key, group] : groups) {
    if (group.size() == 1 || key.second == FileEventKind::renamed) {
      std::ranges::move(group, std::back_inserter(folded));
      continue;
    }
    FileSeen one;
    one.kind = key.second;
    one.path = key.first;
    one.type = FileType::directory;
    one.count = group.size();
    folded.push_back(std::move(one));
  }
  if (folded.size() <= kMostRecords) return folded;
  uint64_t others = 0;
  for (size_t i = kMostRecords; i < folded.size(); ++i) others += std::max<uint64_t>(folded[i].count, 1);
  folded.resize(kMostRecords);
  FileSeen rest;
  rest.count = others;
  folded.push_back(std::move(rest));
  return folded;
}

}  // namespace

std::vector<FileSeen> what_became(const std::vector<LayeredPlace>& places, const TouchedFiles& touched, int64_t since) {
  Judge judge(places, touched, since);
  std::vector<FileSeen> all;
  for (const auto& [spot, file] : touched)
    if (auto seen = judge.judge(spot, file)) all.push_back(*std::move(seen));
  return fold(std::move(all));
}

bool lies_below(const LayeredPlace& place, const std::string& path) {
  return look_at(place.lower, path).has_value();
}

int64_t file_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace hv::supervisor
