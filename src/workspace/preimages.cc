#include "workspace/preimages.h"

#include <cerrno>
#include <charconv>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/host_file.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

static std::string index_line(std::string_view path, const Preimage& preimage) {
  return base::format("{} {:o} {} {} {}\n", preimage.type, preimage.mode, preimage.uid, preimage.gid,
                      base::to_hex(path));
}

Result<PreimageStore> PreimageStore::open(Tree workspace, const std::string& directory, Limits limits) {
  HV_TRY(base::make_directories(directory + "/tree"));
  Tree tree = HV_TRY(Tree::open(directory + "/tree"));
  Fd index = HV_TRY(base::open_file(directory + "/index", O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  PreimageStore store(std::move(workspace), directory, std::move(tree), std::move(index), limits);
  HV_TRY(store.load());
  return store;
}

Status PreimageStore::load() {
  std::string text = HV_TRY_CONTEXT(base::read_all(index_file_.get(), size_t{256} << 20), directory_ + "/index");
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) {
      // Torn by a crash: the call it was written for has not happened.
      if (::ftruncate(index_file_.get(), static_cast<off_t>(at)) != 0)
        return Failure(Error::from_errno(errno, "repair the index of pre-images"));
      break;
    }
    ++number;
    std::vector<std::string> parts = base::split(std::string_view(text).substr(at, end - at), ' ');
    Preimage preimage;
    auto read = [](const std::string& part, uint32_t& value, int radix) {
      auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value, radix);
      return error == std::errc{} && stop == part.data() + part.size();
    };
    bool good = parts.size() == 5 && parts[0].size() == 1 && read(parts[1], preimage.mode, 8) &&
                read(parts[2], preimage.uid, 10) && read(parts[3], preimage.gid, 10);
    auto path = good ? base::from_hex(parts[4]) : Result<std::string>(std::string{});
    if (!good || !path || !check_relative_path(*path))
      return Failure(base::io_error(base::format("read {}/index: line {} is damaged", directory_, number)));
    preimage.type = parts[0][0];
    index_[*path] = preimage;
    at = end + 1;
  }
  return {};
}

Status PreimageStore::refresh() {
  Entry index = HV_TRY(stat_fd(index_file_.get()));
  if (index.links != 0) return {};
  // Beside the tree, by its descriptor: a confined caller has no other way to it.
  index_file_ = HV_TRY(base::open_file("../index", O_RDWR | O_APPEND | O_NOFOLLOW, 0, tree_.root()));
  index_.clear();
  total_ = 0;
  return load();
}

bool PreimageStore::is_known(std::string_view path) const {
  if (index_.contains(path)) return true;
  // Below what was no directory nothing was.
  for (std::string_view up = parent_of(path); !up.empty(); up = parent_of(up)) {
    auto found = index_.find(up);
    if (found != index_.end() && found->second.type != 'd') return true;
  }
  return false;
}

Status PreimageStore::keep(std::string_view path, Extent extent) {
  HV_TRY(check_relative_path(path));
  std::optional<Entry> entry = HV_TRY(workspace_.stat(path));
  // A directory is looked into even when it is known: it may have been kept for its mode alone.
  if (is_known(path) && !(entry && entry->type == FileType::directory)) return {};
  if (!entry) return record(std::string(path), Preimage{});
  return keep_one(std::string(path), *entry, extent);
}

Status PreimageStore::keep_one(const std::string& path, const Entry& entry, Extent extent) {
  if (!is_known(path)) {
    Preimage preimage{'x', entry.mode, entry.uid, entry.gid};
    switch (entry.type) {
      case FileType::regular:
        HV_TRY(keep_file(path, entry));
        break;
      case FileType::symlink: {
        std::string target = HV_TRY(workspace_.read_link(path));
        HV_TRY(make_parents(path));
        HV_TRY(make_symlink(tree_, path, target));
        preimage.type = 'l';
        HV_TRY(record(path, preimage));
        break;
      }
      case FileType::directory:
        HV_TRY(make_parents(path + "/."));
        preimage.type = 'd';
        HV_TRY(record(path, preimage));
        break;
      case FileType::fifo:
      case FileType::socket:
      case FileType::device:
        HV_TRY(record(path, preimage));
        break;
    }
  }
  if (entry.type != FileType::directory || extent == Extent::itself) return {};
  if (too_deep(path))
    return Failure(base::unavailable("keep '" + base::printable(path) + "' as it was: it lies too deep")
                       .with_hint("undo will not bring it back"));
  for (const std::string& name : HV_TRY(workspace_.list(path))) {
    std::string below = join_path(path, name);
    std::optional<Entry> child = HV_TRY(workspace_.stat(below));
    if (child) HV_TRY(keep_one(below, *child, extent));
  }
  return {};
}

Status PreimageStore::keep_file(const std::string& path, const Entry& entry) {
  Preimage preimage{'f', entry.mode, entry.uid, entry.gid};
  if (entry.size > limits_.largest_file || total_ + entry.size > limits_.total) {
    preimage.type = 'x';
    HV_TRY(record(path, preimage));
    return Failure(base::unavailable("keep '" + base::printable(path) + "' as it was: it is too large")
                       .with_hint("undo will not bring it back"));
  }
  HV_TRY(make_parents(path));
  Fd source = HV_TRY(workspace_.open_regular(path));
  Fd copy = HV_TRY(tree_.open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  HV_TRY_CONTEXT(copy_content(source.get(), copy.get()), "keep '" + base::printable(path) + "' as it was");
  total_ += entry.size;
  // The record follows the copy: a crash in between leaves a file that no line names.
  return record(path, preimage);
}

Status PreimageStore::record(const std::string& path, const Preimage& preimage) {
  if (index_.size() >= limits_.most_paths)
    return Failure(base::unavailable("keep '" + base::printable(path) + "' as it was: too many files were changed")
                       .with_hint("undo will not bring it back"));
  HV_TRY(base::write_all(index_file_.get(), index_line(path, preimage)));
  index_[path] = preimage;
  return {};
}

Status PreimageStore::make_parents(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    std::string_view directory = path.substr(0, slash);
    Fd above = HV_TRY(tree_.parent(directory));
    if (::mkdirat(above.get(), std::string(name_of(directory)).c_str(), 0700) != 0 && errno != EEXIST)
      return Failure(Error::from_errno(errno, "keep pre-images below", base::printable(directory)));
  }
  return {};
}

Status PreimageStore::forget(std::string_view path) {
  std::string kept;
  for (auto at = index_.begin(); at != index_.end();) {
    if (covers(path, at->first)) {
      if (at->second.type == 'f' || at->second.type == 'l') HV_TRY(remove_file(tree_, at->first));
      at = index_.erase(at);
    } else {
      kept += index_line(at->first, at->second);
      ++at;
    }
  }
  HV_TRY(base::write_file_atomically(directory_ + "/index", kept));
  index_file_ = HV_TRY(base::open_file(directory_ + "/index", O_RDWR | O_APPEND | O_NOFOLLOW));
  return {};
}

}  // namespace hv::workspace
