#include "workspace/seen_files.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Failure;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kHeading = "hydravisor files 1 ";

char letter_of(FileType type) {
  switch (type) {
    case FileType::regular:
      return 'f';
    case FileType::directory:
      return 'd';
    case FileType::symlink:
      return 'l';
    default:
      return 'o';
  }
}

template <typename T>
bool read(const std::string& part, T& value, int radix = 10) {
  auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value, radix);
  return error == std::errc{} && stop == part.data() + part.size();
}

bool parse_entry(const std::vector<std::string>& parts, std::optional<Entry>& entry) {
  Entry found;
  if (parts[0] == "-") return true;
  if (parts[0] == "d") found.type = FileType::directory;
  if (parts[0] == "l") found.type = FileType::symlink;
  if (parts[0] == "o") found.type = FileType::fifo;
  bool good = read(parts[1], found.mode, 8) && read(parts[2], found.uid) && read(parts[3], found.gid) &&
              read(parts[4], found.size) && read(parts[5], found.mtime) && read(parts[6], found.ctime) &&
              read(parts[7], found.inode);
  entry = found;
  return good && std::string_view("fdlo").contains(parts[0]) && parts[0].size() == 1;
}

}  // namespace

Result<SeenFiles> SeenFiles::load(const std::string& file) {
  SeenFiles seen;
  if (!base::path_exists(file)) return seen;
  std::string text = HV_TRY(base::read_file(file, size_t{8} << 30));
  auto damaged = [&](size_t line) {
    return Failure(base::io_error(base::format("read {}: line {} is damaged", file, line)));
  };
  size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) return damaged(number + 1);
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (++number == 1) {
      std::vector<std::string> parts = base::split(line.substr(std::min(line.size(), kHeading.size())), ' ');
      if (!line.starts_with(kHeading) || parts.size() != 2 || !read(parts[0], seen.instant_) ||
          (parts[1] != "0" && parts[1] != "1"))
        return damaged(number);
      seen.complete_ = parts[1] == "1";
      continue;
    }
    std::vector<std::string> parts = base::split(line, ' ');
    std::optional<Entry> entry;
    if (parts.size() != 9 || !parse_entry(parts, entry)) return damaged(number);
    auto path = base::from_hex(parts[8]);
    if (!path || !check_relative_path(*path)) return damaged(number);
    seen.paths_.emplace(*std::move(path), entry);
  }
  if (number == 0) return damaged(1);
  return seen;
}

Status SeenFiles::save(const std::string& file) const {
  std::string text = base::format("{}{} {}\n", kHeading, instant_, complete_ ? 1 : 0);
  for (const auto& [path, found] : paths_) {
    Entry entry = found.value_or(Entry{});
    text += base::format("{} {:o} {} {} {} {} {} {} {}\n", found ? letter_of(entry.type) : '-', entry.mode, entry.uid,
                         entry.gid, entry.size, entry.mtime, entry.ctime, entry.inode, base::to_hex(path));
  }
  return base::write_file_atomically(file, text);
}

void SeenFiles::set(const std::string& path, const std::optional<Entry>& entry) {
  if (paths_.size() >= most_paths) {
    complete_ = false;
    return;
  }
  paths_.insert_or_assign(path, entry);
}

void SeenFiles::forget(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    auto at = paths_.lower_bound(path);
    // What lies below follows its directory, though names with bytes before the slash stand in between.
    while (at != paths_.end() && at->first.starts_with(path))
      at = covers(path, at->first) ? paths_.erase(at) : std::next(at);
  }
}

bool is_same(const Entry& before, const Entry& after) {
  bool same_type = letter_of(before.type) == letter_of(after.type);
  if (same_type && after.type == FileType::directory)
    // Times and size of a directory follow its entries, which have events of their own.
    return before.mode == after.mode && before.uid == after.uid && before.gid == after.gid;
  return same_type && before.mode == after.mode && before.uid == after.uid && before.gid == after.gid &&
         before.size == after.size && before.mtime == after.mtime && before.ctime == after.ctime &&
         before.inode == after.inode;
}

}  // namespace hv::workspace
