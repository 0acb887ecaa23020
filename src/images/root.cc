#include "images/root.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/home.h"
#include "images/host_etc.h"

namespace hv::images {

namespace {

using base::format;
using core::Mount;

constexpr std::string_view kShared[] = {"/usr",  "/opt", "/nix",   "/gnu",   "/snap",  "/bin",
                                        "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr uint64_t kRunBytes = uint64_t{64} << 20;

Mount bind(std::string source, std::string target) {
  Mount mount;
  mount.source = std::move(source);
  mount.target = std::move(target);
  return mount;
}
Mount tmpfs(std::string target, uint64_t size) {
  Mount mount;
  mount.kind = Mount::Kind::tmpfs;
  mount.target = std::move(target);
  mount.writable = true;
  mount.size = size;
  return mount;
}
Mount text_at(Mount::Kind kind, std::string target, std::string content) {
  Mount mount;
  mount.kind = kind;
  mount.target = std::move(target);
  mount.content = std::move(content);
  return mount;
}

uint64_t run_bytes(const RootRequest& request) {
  return request.tmp_bytes == 0 ? kRunBytes : std::min(kRunBytes, request.tmp_bytes);
}

std::string hosts_text(const std::string& hostname) {
  return format("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t{}\n", hostname);
}

// The gateway answers there, as at every address. Without a network nothing does, and a look-up fails at once.
constexpr std::string_view kResolver = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

std::string link_text(const std::string& path) {
  char text[PATH_MAX];
  ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  return length <= 0 ? std::string() : std::string(text, static_cast<size_t>(length));
}

// `table` of the root file system with a line for the agent where it has none of that id.
std::string with_line(std::string table, std::string_view id, const std::string& line) {
  for (const std::string& row : base::split(table, '\n')) {
    std::vector<std::string> fields = base::split(row, ':');
    if (fields.size() > 2 && fields[2] == id) return table;
  }
  if (!table.empty() && !table.ends_with('\n')) table += "\n";
  return table + line + "\n";
}

// The agent's own lines in /etc, written where the overlay keeps changes, once.
base::Status write_identity(const RootRequest& request, const std::string& etc, const std::string& upper) {
  std::string user = request.host.user.empty() ? "user" : request.host.user;
  auto read = [&](const char* name) { return base::read_file(etc + "/" + name, size_t{4} << 20).value_or(""); };
  std::map<std::string, std::string> files{
      {"passwd",
       with_line(read("passwd"), std::to_string(request.uid),
                 format("{0}:x:{1}:{2}:{0}:{3}:{4}", user, request.uid, request.gid, request.home, request.shell))},
      {"group", with_line(read("group"), std::to_string(request.gid), format("{}:x:{}:", user, request.gid))},
      {"hosts", hosts_text(request.hostname)},
      {"hostname", request.hostname + "\n"},
      {"resolv.conf", std::string(kResolver)},
  };
  for (const auto& [name, content] : files)
    if (struct stat about{}; ::lstat((upper + "/" + name).c_str(), &about) != 0)
      HV_TRY(base::replace_file(upper + "/" + name, content, 0644));
  return {};
}

}  // namespace

base::Result<std::vector<Mount>> host_root_mounts(const RootRequest& request) {
  std::vector<Mount> mounts;
  for (std::string_view name : kShared) {
    std::string path = request.host.root + std::string(name);
    struct stat about{};
    if (::lstat(path.c_str(), &about) != 0) continue;
    if (S_ISLNK(about.st_mode))
      mounts.push_back(text_at(Mount::Kind::symlink, std::string(name), link_text(path)));
    else if (S_ISDIR(about.st_mode))
      mounts.push_back(bind(path, std::string(name)));
  }
  std::string user = request.host.user.empty() ? "user" : request.host.user;
  std::string etc = HV_TRY(assemble_etc({.host_root = request.host.root,
                                         .cache = request.cache,
                                         .uid = request.uid,
                                         .gid = request.gid,
                                         .user = user,
                                         .home = request.home,
                                         .shell = request.shell}));
  mounts.push_back(bind(etc, "/etc"));
  mounts.push_back(text_at(Mount::Kind::file, "/.sandbox/hosts", hosts_text(request.hostname)));
  mounts.push_back(text_at(Mount::Kind::file, "/.sandbox/hostname", request.hostname + "\n"));
  mounts.push_back(text_at(Mount::Kind::file, "/.sandbox/resolv.conf", std::string(kResolver)));
  mounts.push_back(tmpfs("/tmp", request.tmp_bytes));
  mounts.push_back(tmpfs("/run", run_bytes(request)));
  for (const char* name : {"/var/lib", "/var/cache", "/var/log"})
    mounts.push_back(text_at(Mount::Kind::directory, name, ""));
  // Links instead of further mounts: each mount is paid for at every start.
  mounts.push_back(text_at(Mount::Kind::symlink, "/var/tmp", "../tmp"));
  mounts.push_back(text_at(Mount::Kind::symlink, "/var/run", "../run"));
  mounts.push_back(text_at(Mount::Kind::symlink, "/var/lock", "../run"));
  // openSUSE keeps the certificates here.
  if (std::string certificates = request.host.root + "/var/lib/ca-certificates"; base::path_exists(certificates))
    mounts.push_back(bind(certificates, "/var/lib/ca-certificates"));
  return mounts;
}

base::Result<std::vector<Mount>> rootfs_mounts(const RootRequest& request, const std::string& rootfs,
                                               const std::string& state, const std::vector<std::string>& inside) {
  struct stat top{};
  if (::stat(rootfs.c_str(), &top) != 0)
    return base::Failure(base::Error::from_errno(errno, "open the root file system", rootfs));
  if (!S_ISDIR(top.st_mode))
    return base::Failure(base::invalid_argument(format("{} is not a directory", base::printable(rootfs)))
                             .with_hint("--rootfs takes an unpacked root file system; unpack the archive first"));
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(rootfs, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) return base::Failure(base::io_error(format("read {}: {}", base::printable(rootfs), error.message())));
  std::ranges::sort(names);
  constexpr std::array<std::string_view, 6> kOwn{"proc", "sys", "dev", "run", "tmp", ".sandbox"};
  std::vector<Mount> links;
  std::vector<Mount> mounts;
  bool has_usr_or_bin = false;
  for (const std::string& name : names) {
    if (std::ranges::find(kOwn, name) != kOwn.end()) continue;
    std::string path = rootfs + "/" + name;
    struct stat about{};
    if (::lstat(path.c_str(), &about) != 0) continue;
    has_usr_or_bin = has_usr_or_bin || name == "usr" || name == "bin";
    if (S_ISLNK(about.st_mode)) {
      links.push_back(text_at(Mount::Kind::symlink, "/" + name, link_text(path)));
    } else if (S_ISREG(about.st_mode)) {
      mounts.push_back(bind(path, "/" + name));
    } else if (S_ISDIR(about.st_mode)) {
      Mount mount = bind(path, "/" + name);
      mount.kind = Mount::Kind::overlay;
      mount.writable = true;
      mount.upper = state + "/rootfs/" + name;
      HV_TRY(base::make_directories(mount.upper + "/upper", 0755));
      HV_TRY(base::make_directories(mount.upper + "/work", 0700));
      // The top of the upper directory is what the top of the merged one looks like.
      ::chmod((mount.upper + "/upper").c_str(), about.st_mode & 07777);
      std::vector<MountPoint> points;
      for (const std::string& place : inside)
        if (lies_in(place, mount.target) && place != mount.target)
          points.push_back({place.substr(mount.target.size() + 1), MountPoint::Kind::directory, {}});
      if (!points.empty()) HV_TRY(prepare_mount_points(mount.upper + "/upper", points));
      if (name == "etc") HV_TRY(write_identity(request, path, mount.upper + "/upper"));
      mounts.push_back(std::move(mount));
    }
  }
  if (!has_usr_or_bin)
    return base::Failure(base::invalid_argument(
        format("{} has neither usr nor bin: it is not a root file system", base::printable(rootfs))));
  mounts.insert(mounts.begin(), std::make_move_iterator(links.begin()), std::make_move_iterator(links.end()));
  mounts.push_back(tmpfs("/tmp", request.tmp_bytes));
  mounts.push_back(tmpfs("/run", run_bytes(request)));
  return mounts;
}

}  // namespace hv::images
