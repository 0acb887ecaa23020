// A workspace under a real overlay, made in namespaces of its own by unshare(1), for the tests of this module.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/process.h"
#include "base/remove_tree.h"
#include "workspace/apply.h"
#include "workspace/changes.h"
#include "workspace/places.h"

namespace hv::workspace {

class OverlayWorld {
 protected:
  OverlayWorld() {
    char pattern[] = "/tmp/hv-workspace-XXXXXX";
    HV_CHECK(::mkdtemp(pattern) != nullptr);
    root_ = pattern;
    for (const char* name : {"/ws", "/records", "/outside"}) HV_CHECK(::mkdir((root_ + name).c_str(), 0755) == 0);
  }
  ~OverlayWorld() { static_cast<void>(base::remove_tree(root_)); }
  OverlayWorld(const OverlayWorld&) = delete;

  std::string shell(const std::string& script, const std::string& directory = "/ws") {
    base::CommandSpec command{"/bin/sh", {"-ec", script}, environment(), root_ + directory, {}};
    auto output = base::run_command(command);
    expect(output, script);
    return output ? output->out : "";
  }

  // The host's files, then the beginning of the sandbox.
  void host(const std::string& script) {
    shell(script);
    // ctime has the grain of the clock's tick: what follows must lie in a later one.
    wait_a_tick();
    for (const char* name : {"/records/upper", "/records/work"}) HV_CHECK(::mkdir((root_ + name).c_str(), 0755) == 0);
    HV_CHECK(Baseline::begin(root_ + "/records/baseline").has_value());
    wait_a_tick();
  }

  // What the agent does. False, and the test skipped, where namespaces or overlays are not to be had.
  bool inside(const std::string& script) {
    std::string mount = "mount -t overlay overlay -o userxattr,lowerdir=" + root_ + "/ws,upperdir=" + root_ +
                        "/records/upper,workdir=" + root_ + "/records/work " + root_ + "/ws";
    static const bool possible = [&] {
      auto tried = base::run_command({"unshare", {"-Urm", "sh", "-ec", mount}, environment(), root_, {}});
      return tried && tried->status.shell_code() == 0;
    }();
    if (!possible) return false;
    base::CommandSpec command{
        "unshare", {"-Urm", "sh", "-ec", mount + "; cd " + root_ + "/ws; " + script}, environment(), root_, {}};
    auto output = base::run_command(command);
    expect(output, script);
    return true;
  }

  // Directories in each other, so many that no path is long enough to name the last.
  static void make_deep(const std::string& path, const std::string& name, int levels) {
    HV_CHECK(::mkdir(path.c_str(), 0755) == 0);
    base::Fd at = std::move(base::open_file(path, O_RDONLY | O_DIRECTORY).value());
    for (int level = 0; level < levels; ++level) {
      HV_CHECK(::mkdirat(at.get(), name.c_str(), 0755) == 0);
      at = std::move(base::open_file(name, O_RDONLY | O_DIRECTORY, 0, at.get()).value());
    }
  }

  static void wait_a_tick() {
    timespec pause{0, 12'000'000};
    ::nanosleep(&pause, nullptr);
  }

  Opened open() {
    Opened opened = std::move(Opened::at(root_ + "/ws", root_ + "/records").value());
    opened.user_git = find_user_git(home_, "", root_ + "/ws", root_ + "/outside/gitconfig");
    return opened;
  }

  // "kind path" a line; "!" before what apply would hold or refuse.
  std::string changes() {
    Opened opened = open();
    Baseline baseline = opened.baseline().value();
    ChangeSet set = find_changes(opened, baseline).value();
    std::string text;
    for (const Change& change : set.changes) {
      bool stays = !change.conflict.empty() || !change.problem.empty() || change.hazard == core::Hazard::held;
      text += std::string(stays ? "!" : "") + std::string(core::name_of(change.kind)) + " " + change.path +
              (change.old_path.empty() ? "" : " < " + change.old_path) + "\n";
    }
    return text;
  }

  // Lines are compared only where a test chooses hunks.
  LineDiffer differ = [](std::string_view, std::string_view) { return base::Result<LineDiff>(LineDiff{}); };

  core::ApplyReport apply_all(const core::ApplyRequest& request = {}) {
    Opened opened = open();
    auto applied = apply(opened, request, differ);
    HV_CHECK(applied.has_value());
    return applied->report;
  }

  // Every file of the host with its mode and content, to compare before and after.
  std::string tree() {
    return shell(
        "find . -mindepth 1 -printf '%P %y %m %l\\n' | sort; find . -type f | sort | xargs -r -d '\\n' cat --");
  }
  std::string text(const std::string& path) { return base::read_file(root_ + "/ws/" + path).value_or("(absent)"); }

  static std::vector<std::string> environment() {
    return {"PATH=/usr/local/bin:/usr/bin:/bin",
            "HOME=/nonexistent",
            "GIT_CONFIG_NOSYSTEM=1",
            "GIT_AUTHOR_NAME=A",
            "GIT_AUTHOR_EMAIL=a@example.org",
            "GIT_COMMITTER_NAME=A",
            "GIT_COMMITTER_EMAIL=a@example.org"};
  }

  static void expect(const base::Result<base::CommandOutput>& output, const std::string& script) {
    if (output && output->status.shell_code() == 0) return;
    std::fprintf(stderr, "%s: %s\n", script.c_str(), output ? output->err.c_str() : output.error().message().c_str());
    HV_CHECK(false);
  }

  std::string home_;  // of the user whose git is to be looked at; none when empty
  std::string root_;
};

#define INSIDE_OR_SKIP(script) \
  if (!inside(script)) GTEST_SKIP() << "user namespaces with overlayfs are not to be had here"

}  // namespace hv::workspace
