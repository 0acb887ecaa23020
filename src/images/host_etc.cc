#include "images/host_etc.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/random.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "images/host_view.h"

namespace hv::images {

namespace {

using base::format;

constexpr int kRevision = 2;  // change it when the lists below change: the cache is keyed by it
constexpr off_t kLargestFile = off_t{8} << 20;
constexpr int kDeepest = 12;

// What ordinary programs look for. Left out on purpose: shadow, gshadow, sudoers, ssh, krb5.keytab, apt's and docker's
// logins, gitconfig, npmrc, pip.conf, wgetrc, curlrc, environment and everything else that may carry a password, and
// what belongs to services.
constexpr std::string_view kNames[] = {
    "ssl",
    "pki",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "static",
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "timezone",
    "locale.conf",
    "locale.alias",
    "mime.types",
    "protocols",
    "services",
    "ethertypes",
    "rpc",
    "gai.conf",
    "host.conf",
    "terminfo",
    "inputrc",
    "bash.bashrc",
    "bashrc",
    "bash_completion.d",
    "profile",
    "profile.d",
    "zsh",
    "zshrc",
    "zshenv",
    "zprofile",
    "zlogin",
    "shells",
    "os-release",
    "debian_version",
    "lsb-release",
    "redhat-release",
    "fedora-release",
    "system-release",
    "arch-release",
    "alpine-release",
    "SuSE-release",
    "perl",
    "fonts",
    "magic",
    "magic.mime",
    "nanorc",
    "vim",
    "vimrc",
    "manpath.config",
    "xml",
    "sgml",
    "OpenCL",
    "vulkan",
    "glvnd",
    "emacs",
    "mke2fs.conf",
    "login.defs",
    "fish",
    "lynx",
    "texmf",
    "papersize",
    "matplotlibrc",
    "issue",
    "gtk-3.0",
    "chromium.d",
    "groff",
    "clang",
    "dotnet",
};
// Versioned names.
constexpr std::string_view kPrefixes[] = {"java", "python", "ImageMagick-", "php",
                                          "lua",  "ruby",   "ghostscript",  "maven-"};

bool is_wanted(std::string_view name) {
  if (std::ranges::find(kNames, name) != std::end(kNames)) return true;
  return std::ranges::any_of(
             kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix) && !prefix.ends_with('-'); }) ||
         std::ranges::any_of(
             kPrefixes, [&](std::string_view prefix) { return prefix.ends_with('-') && name.starts_with(prefix); });
}

bool is_private(std::string_view name) {
  for (std::string_view part :
       {"private", "password", "secret", "apikey", "entitlement", "nssdb", "consumer", "keytab"})
    if (name.find(part) != std::string_view::npos) return true;
  return name.ends_with(".key") || name.ends_with("~");
}

// The staging directory is nobody else's yet, so files are written in place. Their modes are set, whatever this
// process's umask is: the agent's ids must be able to read all of it.
base::Status write_plain(const std::string& path, std::string_view data, mode_t mode) {
  base::Fd file = HV_TRY(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  HV_TRY(base::write_all(file.get(), data));
  if (::fchmod(file.get(), mode) != 0) return base::Failure(base::Error::from_errno(errno, "set the mode of", path));
  return {};
}

void copy_entry(const std::string& from, const std::string& to, int depth) {
  struct stat about{};
  if (depth > kDeepest || ::lstat(from.c_str(), &about) != 0 || is_private(base_name(from))) return;
  if (S_ISLNK(about.st_mode)) {
    char text[PATH_MAX];
    ssize_t length = ::readlink(from.c_str(), text, sizeof text - 1);
    if (length <= 0) return;
    text[length] = '\0';
    (void)::symlink(text, to.c_str());
    return;
  }
  // What the world may not read stays out, also where root assembles.
  if (S_ISDIR(about.st_mode)) {
    if ((about.st_mode & 0005) != 0005 || ::mkdir(to.c_str(), 0755) != 0 || ::chmod(to.c_str(), 0755) != 0) return;
    std::error_code error;
    for (std::filesystem::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
      std::string name = it->path().filename().string();
      copy_entry(from + "/" + name, to + "/" + name, depth + 1);
    }
    return;
  }
  if (!S_ISREG(about.st_mode) || (about.st_mode & 0004) == 0 || about.st_size > kLargestFile) return;
  // A file that went away meanwhile is as good as one that never was.
  if (base::Result<std::string> data = base::read_file(from, static_cast<size_t>(kLargestFile)))
    (void)write_plain(to, *data, (about.st_mode & 0111) != 0 ? 0755 : 0644);
}

// /etc/localtime leads into the host's zone files, by a link that may be relative or pass through /etc/alternatives:
// its content is enough.
void copy_zone(const std::string& etc, const std::string& to) {
  struct stat about{};
  std::string from = etc + "/localtime";
  if (::lstat(from.c_str(), &about) != 0) return;
  std::error_code error;
  std::string text = std::filesystem::read_symlink(from, error).string();
  if (!error && (text.starts_with("/usr/share/zoneinfo/") || text.starts_with("../usr/share/zoneinfo/"))) {
    (void)::symlink(text.c_str(), (to + "/localtime").c_str());
    return;
  }
  if (base::Result<std::string> data = base::read_file(from, size_t{1} << 20))
    (void)write_plain(to + "/localtime", *data, 0644);
}

// A name that cannot break the line it is put in.
std::string field(std::string_view text) {
  std::string out;
  for (char c : text)
    if (static_cast<unsigned char>(c) > ' ' && c != ':' && c != 127) out.push_back(c);
  return out;
}

std::string passwd_of(const EtcRequest& request) {
  std::string text;
  std::string home = field(request.home);
  std::string shell = field(request.shell);
  text += format("root:x:0:0:root:{}:{}\n", request.uid == 0 ? home : "/root", shell);
  if (request.uid != 0)
    text += format("{0}:x:{1}:{2}:{0}:{3}:{4}\n", field(request.user), request.uid, request.gid, home, shell);
  if (request.uid != 65534) text += "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
  return text;
}

std::string group_of(const EtcRequest& request) {
  std::string text = "root:x:0:\n";
  if (request.gid != 5) text += "tty:x:5:\n";
  if (request.gid != 0) text += format("{}:x:{}:\n", field(request.user), request.gid);
  if (request.gid != 65534) text += "nogroup:x:65534:\n";
  return text;
}

// Changes when the host's /etc does: programs replace files by rename, which shows in the directory's time.
std::string stamp_of(const std::string& etc) {
  std::string stamp;
  for (std::string_view name : {"", "/ssl/certs", "/alternatives", "/ca-certificates", "/pki/ca-trust/extracted/pem",
                                "/profile.d", "/ld.so.cache"}) {
    struct stat about{};
    if (::stat((etc + std::string(name)).c_str(), &about) != 0) about = {};
    stamp += format("{}.{}.{}.{};", about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_ino, about.st_size);
  }
  return stamp;
}

base::Status assemble_into(const EtcRequest& request, const std::string& etc, const std::string& to) {
  HV_TRY(base::make_directories(to, 0755));
  std::error_code error;
  for (std::filesystem::directory_iterator it(etc, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name == "localtime")
      copy_zone(etc, to);
    else if (is_wanted(name))
      copy_entry(etc + "/" + name, to + "/" + name, 0);
  }
  if (error) return base::Failure(base::io_error(format("read {}: {}", etc, error.message())));
  for (auto [name, text] :
       {std::pair<const char*, std::string>{"passwd", passwd_of(request)},
        {"group", group_of(request)},
        {"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"},
        {"machine-id", "68796472617669736f72000000000001\n"}})
    HV_TRY(write_plain(to + "/" + name, text, 0644));
  for (auto [name, text] : {std::pair{"hosts", "/.sandbox/hosts"},
                            {"hostname", "/.sandbox/hostname"},
                            {"resolv.conf", "/.sandbox/resolv.conf"},
                            {"mtab", "/proc/self/mounts"}})
    if (::symlink(text, (to + "/" + name).c_str()) != 0 && errno != EEXIST)
      return base::Failure(base::Error::from_errno(errno, "make the link", to + "/" + name));
  if (::chmod(to.c_str(), 0755) != 0) return base::Failure(base::Error::from_errno(errno, "set the mode of", to));
  return {};
}

}  // namespace

base::Result<std::string> assemble_etc(const EtcRequest& request) {
  std::string etc = request.host_root + "/etc";
  std::string identity = format("{}|{}|{}|{}|{}|{}|{}", kRevision, request.uid, request.gid, request.user, request.home,
                                request.shell, etc);
  base::Digest digest = base::sha256({identity, "|", stamp_of(etc)});
  std::string directory = request.cache + "/etc-" + base::to_hex(base::as_view(digest).substr(0, 8));
  if (base::path_exists(directory)) return directory;
  HV_TRY_CONTEXT(base::make_directories(request.cache), "make the cache directory");
  std::string staging = directory + "." + base::to_hex(HV_TRY(base::random_bytes(6)));
  if (base::Status made = assemble_into(request, etc, staging); !made) {
    (void)base::remove_tree(staging);
    return base::Failure(std::move(made).error().with_context("assemble /etc for sandboxes"));
  }
  if (::rename(staging.c_str(), directory.c_str()) != 0) {
    base::Error error = base::Error::from_errno(errno, "assemble /etc for sandboxes", directory);
    (void)base::remove_tree(staging);
    // Two starts at once assemble the same; the first one's stays.
    if (!base::path_exists(directory)) return base::Failure(std::move(error));
  }
  return directory;
}

}  // namespace hv::images
