#include "access/book.h"

#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"

namespace hv::access {

using base::Failure;
using base::Result;
using base::Status;

namespace {

constexpr size_t kLargestFile = size_t{1} << 20;

// While the file is faulty: enough to see why, and to end what runs.
Access closed() {
  Access access = built_in();
  Role& trusted = access.roles[std::string(kTrusted)];
  trusted.allow.clear();
  for (core::Action action : {core::Action::daemon_read, core::Action::daemon_manage, core::Action::sandbox_read,
                              core::Action::sandbox_stop, core::Action::access_read, core::Action::access_check})
    trusted.allow.push_back({Pattern(std::string(core::name_of(action))), {}});
  for (std::string_view name : {kSandboxed, kAudited}) access.roles.erase(std::string(name));
  return access;
}

// Whoever can write it could give himself every right.
Status check_writers(const struct stat& about, const std::string& path, uint32_t owner) {
  if (about.st_uid != owner && about.st_uid != 0)
    return Failure(
        base::denied(path + " belongs to user " + std::to_string(about.st_uid) + ", who could change who may do what")
            .with_hint("chown " + std::to_string(owner) + " " + path));
  if ((about.st_mode & 022) == 0) return {};
  return Failure(base::denied(path + " can be written by others, who could change who may do what")
                     .with_hint("chmod go-w " + path));
}

// Of two changes within a tick of the file system's clock the second has the time of the first.
bool is_settled(const struct stat& about) {
  constexpr int64_t kTick = 100'000'000;  // nanoseconds: more than any kernel's
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  int64_t age = (now.tv_sec - about.st_ctim.tv_sec) * 1'000'000'000 + now.tv_nsec - about.st_ctim.tv_nsec;
  return age > kTick;
}

}  // namespace

Result<Access> Book::read() const {
  base::Fd file = HV_TRY(base::open_file(path_, O_RDONLY | O_NONBLOCK));
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) return Failure(base::Error::from_errno(errno, "look at", path_));
  if (!S_ISREG(about.st_mode)) return Failure(base::invalid_argument(path_ + " is not a file"));
  HV_TRY(check_writers(about, path_, owner_));
  std::string directory = path_.substr(0, path_.rfind('/'));
  struct stat around{};
  if (::stat(directory.c_str(), &around) != 0) return Failure(base::Error::from_errno(errno, "look at", directory));
  HV_TRY(check_writers(around, directory, owner_));
  std::string text = HV_TRY(base::read_all(file.get(), kLargestFile));
  return parse(text, path_);
}

Rules Book::rules() const {
  struct stat about{};
  Identity identity;
  int failed = ::stat(path_.c_str(), &about) == 0 ? 0 : errno;
  if (failed == 0)
    identity = {true,          about.st_dev, about.st_ino,         static_cast<uint64_t>(about.st_size),
                about.st_mode, about.st_uid, about.st_ctim.tv_sec, about.st_ctim.tv_nsec};
  // One that cannot be looked at is there.
  else if (failed != ENOENT && failed != ENOTDIR)
    identity.present = true;
  auto state = state_.lock();
  // A faulty one is read again each time: what was wrong may lie around it.
  if (state->rules.judge && state->rules.fault && state->settled && state->identity == identity) return state->rules;
  state->settled = !identity.present || is_settled(about);
  state->identity = identity;
  state->rules = {};
  state->rules.present = identity.present;
  Result<Access> access = identity.present ? read() : Result<Access>(built_in());
  if (!access) state->rules.fault = Failure(access.error());
  state->rules.judge = std::make_shared<const Judge>(access ? *std::move(access) : closed(), owner_);
  return state->rules;
}

}  // namespace hv::access
