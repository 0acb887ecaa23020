#include "workspace/apply.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/changes.h"
#include "workspace/host_file.h"
#include "workspace/selection.h"
#include "workspace/undo.h"

namespace hv::workspace {

using base::Error;
using base::ErrorCode;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;
using core::ChangeKind;

namespace {

constexpr const char* changed_since_shown = "the sandbox or the host changed it after it was shown";

// The nearest directory above `path` that the host has already and keeps: there the temporary file waits.
std::string staging_directory(const Tree& host, std::string_view path, const std::set<std::string_view>& leaving = {}) {
  std::string_view up = parent_of(path);
  for (; !up.empty(); up = parent_of(up)) {
    auto entry = host.stat(up);
    if (entry && *entry && (*entry)->type == FileType::directory && !leaving.contains(up)) break;
  }
  return std::string(up);
}

bool is_directory(const std::optional<Entry>& entry) {
  return entry && entry->type == FileType::directory;
}

class Operation {
 public:
  Operation(const Opened& places, const core::ApplyRequest& request, const LineDiffer& differ, const Review* review,
            Journal journal)
      : places_(places), request_(request), differ_(differ), review_(review), journal_(std::move(journal)) {}

  Result<Applied> run(const std::vector<const Change*>& going) {
    for (const Change* change : going) changes_[change->path] = change;
    plan_.steps = plan_steps(places_.host, going, journal_.temporary_prefix());
    Status done = perform();
    if (!done) {
      // Nothing half-done: what was staged or exchanged goes back.
      Status undone = recover(places_);
      Error error = std::move(done).error().with_context("apply");
      if (!undone)
        return Failure(std::move(error).with_context("taking back what was done failed too (" +
                                                     undone.error().message() +
                                                     "); it is tried again at the next use"));
      return Failure(std::move(error).with_hint("nothing was changed"));
    }
    Applied applied;
    applied.report = std::move(report_);
    if (plan_.steps.empty()) {
      HV_TRY(journal_.remove());
    } else {
      applied.journal = std::move(journal_);
    }
    return applied;
  }

 private:
  Status perform() {
    HV_TRY(journal_.write(plan_));
    journal_directory_ = HV_TRY(base::open_file(journal_.directory(), O_RDONLY | O_DIRECTORY));
    for (size_t i = 0; i < plan_.steps.size(); ++i) HV_TRY(attempt(i, &Operation::stage));
    HV_TRY(flush());
    plan_.phase = Plan::Phase::committing;
    HV_TRY(journal_.write(plan_));
    for (size_t i = 0; i < plan_.steps.size(); ++i)
      if (!skipped_.contains(i)) HV_TRY(attempt(i, &Operation::commit));
    for (const Step& step : plan_.steps)
      if (!step.temporary.empty()) HV_TRY(remove_file(places_.host, step.temporary));
    HV_TRY(flush());
    return conclude();
  }

  // Runs one part of a step. A refusal of this path alone is noted and the others go on; any other failure ends the
  // operation.
  Status attempt(size_t index, Status (Operation::*part)(size_t)) {
    Status status = (this->*part)(index);
    if (status) return {};
    Step& step = plan_.steps[index];
    ErrorCode code = status.error().code();
    bool refused = code == ErrorCode::conflict || code == ErrorCode::already_exists || code == ErrorCode::not_found ||
                   (code == ErrorCode::denied && part == &Operation::stage);
    if (!refused) return status;
    skipped_.insert(index);
    if (!step.temporary.empty()) HV_TRY(remove_file(places_.host, step.temporary));
    // A step that follows from one refused needs no line of its own.
    bool known = std::ranges::any_of(report_.conflicts,
                                     [&](const core::Refusal& refusal) { return covers(refusal.path, step.path); });
    if (!known) report_.conflicts.push_back({step.path, status.error().message()});
    return {};
  }

  Status stage(size_t index) {
    Step& step = plan_.steps[index];
    if (step.kind == Step::Kind::put_file) HV_TRY(stage_content(step));
    if ((step.kind == Step::Kind::put_file && step.before) || step.kind == Step::Kind::remove_file)
      HV_TRY(keep_preimage(index));
    return {};
  }

  Status stage_content(Step& step) {
    const Change& change = *changes_.at(step.path);
    if (change.after->type == FileType::symlink) {
      HV_TRY(make_symlink(places_.host, step.temporary, change.target_after));
    } else {
      Fd temporary = HV_TRY(places_.host.open_file(step.temporary, O_RDWR | O_CREAT | O_EXCL, 0600));
      HV_TRY(write_content(change, temporary.get()));
      if (step.before && step.before->type == FileType::regular)
        if (auto old_file = places_.host.open_regular(step.path)) copy_attributes(old_file->get(), temporary.get());
      temporary.close();
    }
    HV_TRY(give_owner(step.path, step.temporary, step.before));
    if (change.after->type == FileType::regular) HV_TRY(set_mode(places_.host, step.temporary, final_mode(change)));
    step.after = HV_TRY(places_.host.stat(step.temporary));
    return {};
  }

  static uint32_t final_mode(const Change& change) { return applied_bits(change.after->mode); }

  // A replaced file keeps its owner; a new one gets that of its directory. Without root the kernel has done so already,
  // as far as it allows.
  Status give_owner(std::string_view path, std::string_view temporary, const std::optional<Entry>& before) {
    if (before && before->type != FileType::directory)
      return set_owner(places_.host, temporary, before->uid, before->gid);
    if (::geteuid() != 0) return {};
    std::optional<Entry> above = HV_TRY(places_.host.stat(staging_directory(places_.host, path)));
    if (!above) return Failure(base::conflict("its directory vanished meanwhile"));
    return set_owner(places_.host, temporary, above->uid, above->gid);
  }

  Status write_content(const Change& change, int destination) {
    auto choice = std::ranges::find(request_.hunks, change.path, &core::HunkChoice::path);
    if (choice == request_.hunks.end()) {
      Fd source = HV_TRY(places_.upper.open_regular(change.path));
      HV_TRY(copy_content(source.get(), destination));
      // The copy is ours alone, so what is looked at now is what will be on the host.
      if (review_ == nullptr) return {};
      return check_shown(change, HV_TRY(content_id(destination)));
    }
    std::optional<Sides> sides = HV_TRY(read_sides(places_.host, places_.upper, change));
    if (!sides) return Failure(base::conflict("it is too large to be applied by hunks"));
    if (review_ != nullptr) HV_TRY(check_shown(change, content_id(sides->after)));
    LineDiff lines = HV_TRY(differ_(sides->before, sides->after));
    std::string merged = HV_TRY(apply_hunks(sides->before, lines.hunks, choice->hunks));
    return base::write_all(destination, merged);
  }

  Status check_shown(const Change& change, const std::string& content) const {
    if (content == review_->content_of(change.path)) return {};
    return Failure(base::conflict(changed_since_shown));
  }

  Status keep_preimage(size_t index) {
    Step& step = plan_.steps[index];
    std::string name = Journal::preimage_name(index);
    // The former symlink's text is in the plan.
    if (step.before->type == FileType::symlink) return {};
    std::optional<Entry> present = HV_TRY(places_.host.stat(step.path));
    if (!present || !is_same_file(*present, *step.before) || present->ctime != step.before->ctime)
      return Failure(base::conflict("the host changed it meanwhile"));
    if (!keep_link(places_.host, step.path, journal_directory_.get(), name)) {
      Fd source = HV_TRY(places_.host.open_regular(step.path));
      Fd copy = HV_TRY(base::open_file(name, O_WRONLY | O_CREAT | O_EXCL, 0600, journal_directory_.get()));
      HV_TRY(copy_content(source.get(), copy.get()));
      copy_attributes(source.get(), copy.get());
    }
    step.preimage = true;
    return {};
  }

  Status commit(size_t index) {
    Step& step = plan_.steps[index];
    const Tree& host = places_.host;
    switch (step.kind) {
      case Step::Kind::remove_file:
        return move_aside(host, step.path, step.temporary, *step.before);
      case Step::Kind::remove_directory:
        return remove_directory(host, step.path);
      case Step::Kind::make_directory: {
        Fd parent = HV_TRY(host.parent(step.path));
        if (::mkdirat(parent.get(), std::string(name_of(step.path)).c_str(), 0700) != 0)
          return Failure(Error::from_errno(errno, "make the directory", base::printable(step.path)));
        HV_TRY(give_owner(step.path, step.path, std::nullopt));
        step.after = HV_TRY(host.stat(step.path));
        return {};
      }
      case Step::Kind::put_file:
        return exchange(host, step.temporary, step.path, step.before);
      case Step::Kind::set_mode: {
        std::optional<Entry> present = HV_TRY(host.stat(step.path));
        if (!present || (step.before && present->mode != step.before->mode))
          return Failure(base::conflict("the host changed it meanwhile"));
        HV_TRY(set_mode(host, step.path,
                        applied_bits(changes_.at(step.path)->after->mode) |
                            (step.before ? step.before->mode & 06000 : present->mode & 06000)));
        step.after = HV_TRY(host.stat(step.path));
        return {};
      }
    }
    return {};
  }

  Status flush() {
    // Above a handful of files one pass over the file system is cheaper than a flush of each.
    if (plan_.steps.size() > 16) {
      if (::syncfs(places_.host.root()) != 0 || ::syncfs(journal_directory_.get()) != 0)
        return Failure(Error::from_errno(errno, "write the files to the disk"));
      return {};
    }
    std::set<std::string_view> directories;
    for (const Step& step : plan_.steps) {
      directories.insert(parent_of(step.path));
      if (step.kind != Step::Kind::put_file) continue;
      for (std::string_view name : {std::string_view(step.temporary), std::string_view(step.path)}) {
        auto file = places_.host.open_regular(name);
        if (file && ::fsync(file->get()) != 0)
          return Failure(Error::from_errno(errno, "write to the disk", base::printable(step.path)));
      }
    }
    for (std::string_view directory : directories)
      if (auto fd = places_.host.open_directory(directory)) ::fsync(fd->get());
    return {};
  }

  Status conclude() {
    std::vector<Step> done;
    std::set<std::string> applied;
    // Pre-images are named by the step's number, so skipped steps stay in the plan's order but as nothing to be undone.
    for (size_t i = 0; i < plan_.steps.size(); ++i)
      if (!skipped_.contains(i)) applied.insert(plan_.steps[i].path);
    if (applied.empty()) {
      plan_.steps.clear();
      return {};
    }
    for (size_t i : skipped_) plan_.steps[i].after.reset(), plan_.steps[i].before.reset();
    std::set<std::string> same = applied;
    for (const core::HunkChoice& choice : request_.hunks) same.erase(choice.path);
    HV_TRY(places_.agree(applied, same));
    // From here on it is not taken back any more by whoever finds it cut short.
    plan_.phase = Plan::Phase::done;
    HV_TRY(journal_.write(plan_));
    report_.applied.assign(applied.begin(), applied.end());
    return journal_.remove_older();
  }

  const Opened& places_;
  const core::ApplyRequest& request_;
  const LineDiffer& differ_;
  const Review* review_;
  Journal journal_;
  Fd journal_directory_;
  Plan plan_;
  std::map<std::string_view, const Change*> changes_;
  std::set<size_t> skipped_;
  core::ApplyReport report_;
};

}  // namespace

std::vector<Step> plan_steps(const Tree& host, const std::vector<const Change*>& going, const std::string& prefix) {
  std::vector<Step> files_away;
  std::vector<Step> directories_away;
  std::vector<Step> directories_made;
  std::vector<Step> files_put;
  std::vector<Step> modes;
  std::set<std::string_view> leaving;
  for (const Change* change : going)
    if (is_directory(change->before) && change->kind != ChangeKind::mode_changed) leaving.insert(change->path);
  size_t number = 0;
  auto step = [&](Step::Kind kind, const Change& change, bool temporary) {
    Step made;
    made.kind = kind;
    made.path = change.path;
    if (temporary)
      made.temporary = join_path(staging_directory(host, change.path, leaving), prefix + std::to_string(number++));
    return made;
  };
  for (const Change* change : going) {
    bool gone = change->kind == ChangeKind::deleted;
    bool replaced = change->kind == ChangeKind::type_changed;
    bool directory_before = is_directory(change->before);
    bool directory_after = !gone && is_directory(change->after);
    if (change->kind == ChangeKind::mode_changed) {
      Step made = step(Step::Kind::set_mode, *change, false);
      made.before = change->before;
      modes.push_back(std::move(made));
      continue;
    }
    if (directory_before && (gone || replaced)) {
      Step made = step(Step::Kind::remove_directory, *change, false);
      made.before = change->before;
      directories_away.push_back(std::move(made));
    } else if (change->before && (gone || (replaced && directory_after))) {
      Step made = step(Step::Kind::remove_file, *change, true);
      made.before = change->before;
      made.target_before = change->target_before;
      files_away.push_back(std::move(made));
    }
    if (gone) continue;
    if (directory_after) {
      directories_made.push_back(step(Step::Kind::make_directory, *change, false));
      // Its mode comes last: a directory that its owner may not write could not be filled.
      modes.push_back(step(Step::Kind::set_mode, *change, false));
    } else {
      Step made = step(Step::Kind::put_file, *change, true);
      if (!directory_before) made.before = change->before, made.target_before = change->target_before;
      files_put.push_back(std::move(made));
    }
  }
  auto deeper_first = [](const Step& a, const Step& b) { return a.path > b.path; };
  std::ranges::sort(directories_away, deeper_first);
  std::ranges::sort(directories_made, {}, &Step::path);
  std::ranges::sort(modes, deeper_first);
  std::vector<Step> steps;
  for (std::vector<Step>* part : {&files_away, &directories_away, &directories_made, &files_put, &modes})
    std::ranges::move(*part, std::back_inserter(steps));
  return steps;
}

Result<Applied> apply(const Opened& places, const core::ApplyRequest& request, const LineDiffer& differ,
                      const ApplyRules& rules) {
  HV_TRY(recover(places));
  Baseline baseline = HV_TRY(places.baseline());
  ChangeSet set = HV_TRY(find_changes(places, baseline));
  if (rules.review != nullptr)
    for (Change& change : set.changes)
      if (change.problem.empty() && !rules.review->shows(change)) change.problem = changed_since_shown;
  Selection selection = HV_TRY(select_changes(set.changes, request, rules.also_held));
  Applied applied;
  if (!request.dry_run && !selection.going.empty()) {
    Journal journal = HV_TRY(Journal::create(places.records));
    applied = HV_TRY(Operation(places, request, differ, rules.review, std::move(journal)).run(selection.going));
  } else if (request.dry_run) {
    for (const Change* change : selection.going) applied.report.applied.push_back(change->path);
  }
  applied.report.dry_run = request.dry_run;
  applied.report.held = std::move(selection.held);
  std::ranges::move(selection.conflicts, std::back_inserter(applied.report.conflicts));
  std::ranges::sort(applied.report.conflicts, {}, &core::Refusal::path);
  return applied;
}

}  // namespace hv::workspace
