#include "workspace/undo.h"

#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/host_file.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

namespace {

class Reversal {
 public:
  Reversal(const Opened& places, const Journal& journal, const Plan& plan)
      : host_(places.host), journal_(journal), plan_(plan) {}

  Result<core::PathsReport> run() {
    directory_ = HV_TRY(base::open_file(journal_.directory(), O_RDONLY | O_DIRECTORY));
    std::set<std::string> restored;
    core::PathsReport report;
    for (size_t left = plan_.steps.size(); left > 0; --left) {
      const Step& step = plan_.steps[left - 1];
      // A step that was refused has no sides.
      if (plan_.phase == Plan::Phase::done && !step.before && !step.after) continue;
      Status status = reverse(left - 1);
      if (status) {
        restored.insert(step.path);
        continue;
      }
      if (status.error().code() != base::ErrorCode::conflict) return Failure(std::move(status).error());
      report.conflicts.push_back({step.path, status.error().message()});
    }
    if (::syncfs(host_.root()) != 0) return Failure(Error::from_errno(errno, "write the files to the disk"));
    report.paths.assign(restored.begin(), restored.end());
    return report;
  }

 private:
  Status reverse(size_t index) {
    const Step& step = plan_.steps[index];
    switch (step.kind) {
      case Step::Kind::put_file:
        return reverse_put(index);
      case Step::Kind::remove_file:
        return reverse_removal(index);
      case Step::Kind::make_directory:
        return reverse_making(step);
      case Step::Kind::remove_directory:
        return remake_directory(step);
      case Step::Kind::set_mode:
        return reverse_mode(step);
    }
    return {};
  }

  static Status stays() { return Failure(base::conflict("the host changed it since; it stays as it is")); }

  Status reverse_put(size_t index) {
    const Step& step = plan_.steps[index];
    std::optional<Entry> present = HV_TRY(host_.stat(step.path));
    std::optional<Entry> aside = HV_TRY(host_.stat(step.temporary));
    bool ours = present && step.after && is_same_file(*present, *step.after);
    if (!ours) {
      // Not done, or overwritten since. The temporary file is ours by its name.
      if (aside) HV_TRY(remove_file(host_, step.temporary));
      bool untouched = step.before ? present && is_same_file(*present, *step.before) : !present;
      return untouched || plan_.phase == Plan::Phase::staging ? Status{} : stays();
    }
    if (!step.before) {
      HV_TRY(move_aside(host_, step.path, step.temporary, *step.after));
      return remove_file(host_, step.temporary);
    }
    if (!aside || !is_same_file(*aside, *step.before)) HV_TRY(bring_preimage(index));
    HV_TRY(exchange(host_, step.temporary, step.path, step.after));
    return remove_file(host_, step.temporary);
  }

  Status reverse_removal(size_t index) {
    const Step& step = plan_.steps[index];
    std::optional<Entry> present = HV_TRY(host_.stat(step.path));
    std::optional<Entry> aside = HV_TRY(host_.stat(step.temporary));
    if (present) {
      if (aside) HV_TRY(remove_file(host_, step.temporary));
      return is_same_file(*present, *step.before) ? Status{} : stays();
    }
    if (!aside || !is_same_file(*aside, *step.before)) HV_TRY(bring_preimage(index));
    return exchange(host_, step.temporary, step.path, std::nullopt);
  }

  // The former content under the temporary name, with its former owner and mode.
  Status bring_preimage(size_t index) {
    const Step& step = plan_.steps[index];
    HV_TRY(remove_file(host_, step.temporary));
    if (step.before->type == FileType::symlink) {
      HV_TRY(make_symlink(host_, step.temporary, step.target_before));
      return restore_owner(step);
    }
    if (!step.preimage) return Failure(base::conflict("its former content was not kept"));
    std::string name = Journal::preimage_name(index);
    Fd parent = HV_TRY(host_.parent(step.temporary));
    if (::linkat(directory_.get(), name.c_str(), parent.get(), std::string(name_of(step.temporary)).c_str(), 0) == 0)
      return {};
    Fd source = HV_TRY(base::open_file(name, O_RDONLY | O_NOFOLLOW, 0, directory_.get()));
    Fd copy = HV_TRY(host_.open_file(step.temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
    HV_TRY(copy_content(source.get(), copy.get()));
    copy_attributes(source.get(), copy.get());
    HV_TRY(restore_owner(step));
    return set_mode(host_, step.temporary, step.before->mode);
  }

  Status restore_owner(const Step& step) {
    return set_owner(host_, step.temporary, step.before->uid, step.before->gid);
  }

  Status reverse_making(const Step& step) {
    std::optional<Entry> present = HV_TRY(host_.stat(step.path));
    if (!present) return {};
    // Before it was made by us something else may have been there; after a crash only an empty directory is certainly
    // ours.
    if (present->type != FileType::directory) return plan_.phase == Plan::Phase::done ? stays() : Status{};
    if (step.after && step.after->inode != present->inode) return stays();
    return remove_directory(host_, step.path);
  }

  Status remake_directory(const Step& step) {
    std::optional<Entry> present = HV_TRY(host_.stat(step.path));
    if (present) return present->type == FileType::directory ? Status{} : stays();
    Fd parent = HV_TRY(host_.parent(step.path));
    if (::mkdirat(parent.get(), std::string(name_of(step.path)).c_str(), 0700) != 0)
      return Failure(Error::from_errno(errno, "make the directory", base::printable(step.path)));
    HV_TRY(set_owner(host_, step.path, step.before->uid, step.before->gid));
    return set_mode(host_, step.path, step.before->mode);
  }

  Status reverse_mode(const Step& step) {
    std::optional<Entry> present = HV_TRY(host_.stat(step.path));
    // A directory that we made goes altogether; until then it must be writable.
    if (!step.before) {
      if (present && present->type == FileType::directory && step.after) HV_TRY(set_mode(host_, step.path, 0700));
      return {};
    }
    if (!present || present->mode == step.before->mode) return {};
    if (step.after && present->mode != step.after->mode) return stays();
    return set_mode(host_, step.path, step.before->mode);
  }

  const Tree& host_;
  const Journal& journal_;
  const Plan& plan_;
  Fd directory_;
};

// The pre-images may be links, and losing one moves the file's ctime: only without them is what the host has now what
// both sides agree on. The plan goes last, so that what was cut short is taken up again.
Status conclude(const Opened& places, const Journal& journal, const core::PathsReport& report) {
  HV_TRY(journal.remove_preimages());
  HV_TRY(places.agree({report.paths.begin(), report.paths.end()}));
  return journal.remove();
}

}  // namespace

Status recover(const Opened& places) {
  std::optional<Journal> journal = HV_TRY(Journal::latest(places.records));
  if (!journal) return {};
  Plan plan = HV_TRY(journal->read());
  if (plan.phase == Plan::Phase::done) return {};
  core::PathsReport report = HV_TRY_CONTEXT(Reversal(places, *journal, plan).run(), "take back an interrupted apply");
  return conclude(places, *journal, report);
}

Result<core::PathsReport> undo_last(const Opened& places, const UndoRefs& undo_refs) {
  HV_TRY(recover(places));
  std::optional<Journal> journal = HV_TRY(Journal::latest(places.records));
  if (!journal)
    return Failure(base::not_found("undo: nothing was applied from this sandbox, or it was undone already"));
  Plan plan = HV_TRY(journal->read());
  core::PathsReport files = HV_TRY_CONTEXT(Reversal(places, *journal, plan).run(), "undo");
  core::PathsReport all = files;
  if (undo_refs) HV_TRY(undo_refs(plan.refs, all));
  HV_TRY(conclude(places, *journal, files));
  return all;
}

}  // namespace hv::workspace
