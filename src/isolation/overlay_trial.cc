#include "isolation/overlay_trial.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"

namespace hv::isolation {

namespace {

struct Step {
  int error = 0;
  const char* what = "";  // the parent's copy of the program has it at the same address
};

// In the child from here: system calls only, nothing that could need a lock.

bool failed(Step& step, const char* what, int result) {
  if (result >= 0) return false;
  step = {errno, what};
  return true;
}

int write_text(const char* path, const char* text) {
  int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = ::write(fd, text, std::strlen(text));
  ::close(fd);
  return written < 0 ? -1 : 0;
}

int make_file(const char* path) {
  int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return fd < 0 ? -1 : ::close(fd);
}

// The names are unlikely to be in a workspace; what is there by them is not touched.
void use_overlay(Step& step) {
  constexpr const char* kFile = ".hydravisor-doctor.file";
  constexpr const char* kDirectory = ".hydravisor-doctor.directory";
  if (failed(step, "make a file in the overlay", make_file(kFile))) return;
  // What is removed leaves a mark where there is a lower one, and what takes its place hides that.
  if (failed(step, "make a directory in the overlay", ::mkdir(kDirectory, 0700))) return;
  if (failed(step, "rename in the overlay", ::rename(kFile, ".hydravisor-doctor.renamed"))) return;
  struct stat lower{};
  if (::stat("old.directory", &lower) != 0) return;
  if (failed(step, "remove a file in the overlay", ::unlink("old.file"))) return;
  if (failed(step, "remove a directory in the overlay", ::rmdir("old.directory"))) return;
  failed(step, "replace a directory in the overlay", ::mkdir("old.directory", 0700));
}

void run_trial(Step& step, const char* uid_map, const char* gid_map, const char* place, const char* options) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  write_text("/proc/self/setgroups", "deny");
  if (failed(step, "map an id", write_text("/proc/self/uid_map", uid_map))) return;
  if (failed(step, "map an id", write_text("/proc/self/gid_map", gid_map))) return;
  if (failed(step, "change the mount tree", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr))) return;
  if (failed(step, "mount an overlay", ::mount("overlay", place, "overlay", MS_NOSUID | MS_NODEV, options))) return;
  if (failed(step, "enter the overlay", ::chdir(place))) return;
  use_overlay(step);
}

// In the parent again. overlayfs's own escape in lists of directories.
std::string escaped(const std::string& path) {
  std::string text;
  for (char c : path) {
    if (c == ',' || c == ':' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

base::Status try_overlay(const std::string& lower, const std::string& upper, const std::string& work, uid_t uid,
                         gid_t gid) {
  char uid_map[32];
  char gid_map[32];
  std::snprintf(uid_map, sizeof uid_map, "%u %u 1", uid, uid);
  std::snprintf(gid_map, sizeof gid_map, "%u %u 1", gid, gid);
  std::string options =
      base::format("userxattr,lowerdir={},upperdir={},workdir={}", escaped(lower), escaped(upper), escaped(work));
  base::Pipe pipe = HV_TRY(base::make_pipe());
  int answer = pipe.write_end.get();
  long child = ::syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) return base::Failure(base::Error::from_errno(errno, "make a user namespace"));
  if (child == 0) {
    Step step;
    // On top of the upper directory: nobody else sees the mount.
    run_trial(step, uid_map, gid_map, upper.c_str(), options.c_str());
    ::_exit(::write(answer, &step, sizeof step) == sizeof step ? 0 : 1);
  }
  pipe.write_end.close();
  Step step{EIO, "try an overlay"};
  if (::read(pipe.read_end.get(), &step, sizeof step) != sizeof step) step = {EIO, "try an overlay"};
  while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) continue;
  if (step.error != 0) return base::Failure(base::Error::from_errno(step.error, step.what));
  return {};
}

}  // namespace hv::isolation
