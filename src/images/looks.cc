#include "images/looks.h"

#include <algorithm>
#include <ctime>

#include <unistd.h>

#include "base/fd.h"
#include "images/host_view.h"

namespace hv::images {

namespace {

// Longer than the kernel's clock tick, in whose steps file times were counted before 6.13.
constexpr int64_t kRecently = 50'000'000;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return nanoseconds(time);
}

}  // namespace

// A directory on the way is the same one whatever was put into it meanwhile; of everything else the time counts.
std::optional<Looks::Identity> Looks::identify(const std::string& path, Kind kind) {
  struct stat about{};
  if ((kind == Kind::link ? ::lstat : ::stat)(path.c_str(), &about) != 0) return std::nullopt;
  bool on_the_way = kind != Kind::content && S_ISDIR(about.st_mode);
  return Identity{about.st_dev, about.st_ino, on_the_way ? 0 : nanoseconds(about.st_ctim)};
}

void Looks::note(const std::string& path, Kind kind, const struct stat& about) {
  bool on_the_way = kind != Kind::content && S_ISDIR(about.st_mode);
  Identity identity{about.st_dev, about.st_ino, on_the_way ? 0 : nanoseconds(about.st_ctim)};
  if (identity.stamp != 0 && identity.stamp > now() - kRecently) settled_ = false;
  seen_.insert_or_assign({path, kind}, identity);
}

void Looks::note_absent(std::string_view path) {
  do {
    path = parent_of(path);
    struct stat about{};
    if (::stat(std::string(path).c_str(), &about) == 0) return note(std::string(path), Kind::content, about);
  } while (path != "/");
}

std::optional<struct stat> Looks::link(const std::string& path) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) {
    note_absent(path);
    return std::nullopt;
  }
  note(path, Kind::link, about);
  return about;
}

std::optional<struct stat> Looks::target(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0) {
    note(path, Kind::place, about);
    return about;
  }
  // A link that leads nowhere depends on places that are not known here: it never holds.
  if (link(path)) settled_ = false;
  return std::nullopt;
}

bool Looks::is_directory(const std::string& path) {
  auto about = target(path);
  return about && S_ISDIR(about->st_mode);
}

bool Looks::is_program(const std::string& path) {
  auto about = target(path);
  return about && S_ISREG(about->st_mode) && ::access(path.c_str(), X_OK) == 0;
}

void Looks::at_content(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0)
    note(path, Kind::content, about);
  else
    note_absent(path);
}

base::Result<std::string> Looks::read(const std::string& path, size_t limit) {
  at_content(path);
  return base::read_file(path, limit);
}

bool Looks::hold() const {
  return std::ranges::all_of(seen_, [](const auto& entry) {
    const auto& [place, identity] = entry;
    return identify(place.first, place.second) == identity;
  });
}

}  // namespace hv::images
