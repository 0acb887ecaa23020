#include "workspace/git_transfer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "base/text.h"
#include "workspace/bytes.h"
#include "workspace/git_command.h"
#include "workspace/git_commits.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

static constexpr size_t most_moves = 1000;

// In the scratch repository, as whoever we are.
static GitCommand in_scratch(const std::string& scratch, std::vector<std::string> arguments) {
  return {scratch, {}, std::move(arguments), 0, 0};
}

// In the host's repository, as its owner.
static GitCommand on_host(const Repository& repository, std::vector<std::string> arguments, bool with_files = false) {
  GitCommand command{repository.git_dir, with_files ? repository.work_tree : std::string(), std::move(arguments), 0, 0};
  struct stat about{};
  // A repository that is made now belongs to whom its directory belongs to.
  const std::string& owned = repository.exists ? repository.common_dir : repository.work_tree;
  if (::geteuid() == 0 && ::stat(owned.c_str(), &about) == 0) command.uid = about.st_uid, command.gid = about.st_gid;
  return command;
}

std::string baseline_key(const Repository& repository, std::string_view file) {
  return join_path(repository.name, file);
}

Result<GitTransfer> GitTransfer::open(const Repository& repository, const Baseline& baseline, const Opened& opened,
                                      TransferRules rules) {
  if (!have_git())
    return Failure(base::unavailable("bring commits to the host: there is no /usr/bin/git").with_hint("install git"));
  GitTransfer transfer(repository, baseline, opened, std::move(rules));
  HV_TRY(transfer.prepare());
  HV_TRY(transfer.compare());
  return transfer;
}

GitTransfer::~GitTransfer() {
  // Left behind by a failure it is replaced by the next use.
  if (!scratch_.empty()) static_cast<void>(base::remove_tree(scratch_));
}

Status GitTransfer::prepare() {
  HV_TRY(base::remove_tree(scratch_));
  for (const char* directory : {"/objects/info", "/objects/pack", "/refs/heads"})
    HV_TRY(base::make_directories(scratch_ + directory));
  HV_TRY(base::replace_file(scratch_ + "/HEAD", "ref: refs/heads/none\n"));
  HV_TRY(base::replace_file(scratch_ + "/config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"));
  // Through links of our own, because a path may contain what the alternates file cannot.
  auto link = [&](const std::string& target, const char* name) -> Status {
    if (::symlink(target.c_str(), (scratch_ + name).c_str()) != 0)
      return Failure(Error::from_errno(errno, "make the scratch repository", scratch_));
    return {};
  };
  std::string inside = repository_->upper_root + "/" + join_path(repository_->common, "objects");
  HV_TRY(link(inside, "/inside"));
  std::string alternates = "../inside\n";
  if (repository_->exists) {
    HV_TRY(link(repository_->common_dir + "/objects", "/host"));
    alternates += "../host\n";
  }
  return base::replace_file(scratch_ + "/objects/info/alternates", alternates);
}

Status GitTransfer::compare() {
  if (repository_->exists) {
    host_refs_ = HV_TRY(read_refs(repository_->host, repository_->common));
    host_head_ = HV_TRY(read_head(repository_->host, repository_->own));
  }
  inside_refs_ = HV_TRY(read_refs(repository_->inside, repository_->common));
  inside_head_ = HV_TRY(read_head(repository_->inside, repository_->own));
  for (const auto& [name, new_id] : inside_refs_) {
    auto old = host_refs_.find(name);
    if (old != host_refs_.end() && old->second == new_id) continue;
    HV_TRY(judge_ref(name, old == host_refs_.end() ? "" : old->second, new_id));
    if (plan_.moves.size() > most_moves)
      return Failure(base::unsupported("bring commits to the host: more than 1000 refs were changed"));
  }
  for (const auto& [name, old_id] : host_refs_)
    if (!inside_refs_.contains(name)) HV_TRY(judge_ref(name, old_id, ""));
  if (!inside_head_.empty() && inside_head_ != host_head_ && repository_->exists) {
    if (host_moved("HEAD") && !rules_.force) {
      plan_.conflicts.push_back(
          {baseline_key(*repository_, "HEAD"), "the host switched branches after the sandbox began"});
    } else if (is_object_id(inside_head_)) {
      HV_TRY(hold_back({"HEAD", host_head_, inside_head_, 0}));
    } else if (inside_refs_.contains(branch_of(inside_head_)) && !is_held(branch_of(inside_head_))) {
      plan_.moves.push_back({"HEAD", host_head_, inside_head_, 0});
    }
  }
  return {};
}

bool GitTransfer::is_held(const std::string& ref) const {
  return std::ranges::find(plan_.held_refs, ref, &core::RefChange::name) != plan_.held_refs.end();
}

void GitTransfer::keep_to(const Review& review) {
  std::erase_if(plan_.moves, [&](const core::RefChange& move) {
    if (review.shows_ref(repository_->name, move)) return false;
    plan_.conflicts.push_back({baseline_key(*repository_, move.name), "it moved after it was shown"});
    return true;
  });
}

std::string GitTransfer::known_to_host() const {
  std::string known;
  for (const auto& [name, id] : host_refs_) known += "^" + id + "\n";
  return known;
}

// Adds the move, or what in its commits speaks against it.
Status GitTransfer::hold_back(const core::RefChange& move) {
  auto files = committed_files(scratch_, move.new_id, known_to_host());
  if (!files) {
    plan_.conflicts.push_back({baseline_key(*repository_, move.name), files.error().message()});
    plan_.held_refs.push_back(move);
    return {};
  }
  std::vector<core::Refusal> held = held_in_commits(scratch_, *repository_, *opened_, move.name, *files);
  std::string ref = baseline_key(*repository_, move.name);
  std::erase_if(held, [&](const core::Refusal& refusal) {
    return std::ranges::any_of(rules_.accept, [&](const std::string& accepted) {
      return covers(accepted, refusal.path) || covers(accepted, ref);
    });
  });
  if (held.empty()) {
    plan_.moves.push_back(move);
    return {};
  }
  plan_.held_refs.push_back(move);
  for (core::Refusal& refusal : held)
    if (std::ranges::find(plan_.held, refusal.path, &core::Refusal::path) == plan_.held.end())
      plan_.held.push_back(std::move(refusal));
  return {};
}

bool GitTransfer::host_moved(const std::string& name) const {
  bool own_file = name == "HEAD";
  for (const std::string& file : {name, std::string("packed-refs")}) {
    auto entry = repository_->host.stat(join_path(own_file ? repository_->own : repository_->common, file));
    if (!entry) return true;
    if (*entry) return baseline_->changed(baseline_key(*repository_, file), **entry);
    if (own_file) break;
  }
  return false;
}

Result<bool> GitTransfer::is_ancestor(const std::string& older, const std::string& newer) const {
  auto output = HV_TRY(base::run_command(git_spec(in_scratch(scratch_, {"merge-base", "--is-ancestor", older, newer})),
                                         {}, std::chrono::minutes(1)));
  return output.status.shell_code() == 0;
}

Status GitTransfer::judge_ref(const std::string& name, const std::string& old_id, const std::string& new_id) {
  auto refuse = [&](std::string why) -> Status {
    plan_.conflicts.push_back({baseline_key(*repository_, name), std::move(why)});
    return {};
  };
  if (!old_id.empty() && host_moved(name) && !rules_.force) {
    if (new_id.empty()) return refuse("the host moved it after the sandbox began; it was deleted inside");
    // What the host has beyond the sandbox's is not lost by a fast-forward, and not needed when the sandbox is behind.
    bool behind = HV_TRY(is_ancestor(new_id, old_id));
    if (behind) return {};
    bool forward = HV_TRY(is_ancestor(old_id, new_id));
    if (!forward) return refuse("the host moved it too, and the two have diverged");
  }
  if (new_id.empty()) {
    if (host_head_ == "ref: " + name) return refuse("it is the host's current branch; it was deleted inside");
    plan_.moves.push_back({name, old_id, "", 0});
    return {};
  }
  core::RefChange move{name, old_id, new_id, 0};
  auto count = run_git(in_scratch(scratch_, {"rev-list", "--count", "--ignore-missing", "--stdin"}),
                       new_id + "\n" + known_to_host());
  if (!count) return refuse("its objects cannot be read: " + count.error().message());
  std::from_chars(count->data(), count->data() + count->size(), move.commits);
  return hold_back(move);
}

Status GitTransfer::make_repository() {
  std::string branch = branch_of(inside_head_);
  std::string name = branch.empty() ? "main" : branch.substr(std::string_view("refs/heads/").size());
  HV_TRY(run_git(on_host(*repository_, {"init", "-q", "--template=", "--initial-branch=" + name}, true)));
  return {};
}

Status GitTransfer::bring_objects(const std::vector<core::RefChange>& moves) {
  std::string wanted;
  for (const core::RefChange& move : moves)
    if (is_object_id(move.new_id)) wanted += move.new_id + "\n";
  if (wanted.empty()) return {};
  wanted += "--not\n";
  for (const auto& [name, id] : host_refs_) wanted += id + "\n";
  std::string list = scratch_ + "/wanted";
  std::string pack = scratch_ + "/pack";
  HV_TRY(base::replace_file(list, wanted));
  {
    Fd input = HV_TRY(base::open_file(list, O_RDONLY));
    Fd output = HV_TRY(base::open_file(pack, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    HV_TRY(
        stream_git(in_scratch(scratch_, {"pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"}),
                   input.get(), output.get()));
  }
  Fd packed = HV_TRY(base::open_file(pack, O_RDONLY));
  // "PACK", version, number of objects.
  char header[12] = {};
  if (::pread(packed.get(), header, sizeof header, 0) == 12 &&
      std::string_view(header + 8, 4) == std::string_view("\0\0\0\0", 4))
    return {};
  Fd nowhere = HV_TRY(base::open_file("/dev/null", O_WRONLY));
  HV_TRY(stream_git(on_host(*repository_, {"index-pack", "--strict", "--fix-thin", "--stdin"}), packed.get(),
                    nowhere.get()));
  // Complete, as seen from the host alone: nothing may be missing once the sandbox is gone.
  std::string check;
  for (const core::RefChange& move : moves)
    if (is_object_id(move.new_id)) check += move.new_id + "\n";
  HV_TRY(run_git(on_host(*repository_, {"rev-list", "--objects", "--quiet", "--stdin", "--not", "--all"}), check));
  return {};
}

// The commit that the host's HEAD stands for, empty for an unborn branch.
static std::string head_commit(const Repository& repository) {
  auto id = run_git(on_host(repository, {"rev-parse", "-q", "--verify", "HEAD^{commit}"}));
  return id ? *id : std::string();
}

static Status move_ref(const Repository& repository, const std::string& name, const std::string& old_id,
                       const std::string& new_id) {
  if (name == "HEAD" && new_id.starts_with("ref: ")) {
    HV_TRY(run_git(on_host(repository, {"symbolic-ref", "-m", "hydravisor: apply", "HEAD", new_id.substr(5)})));
    return {};
  }
  // Compare and swap. All zeros: it must not exist yet.
  std::string zeros(old_id.empty() ? new_id.size() : old_id.size(), '0');
  std::string expected = name == "HEAD" ? "" : old_id.empty() ? zeros : old_id;
  std::vector<std::string> arguments = {"update-ref", "-m", "hydravisor: apply", "--no-deref"};
  if (new_id.empty()) {
    arguments.insert(arguments.end(), {"-d", name});
  } else {
    arguments.insert(arguments.end(), {name, new_id});
  }
  if (!expected.empty()) arguments.push_back(expected);
  HV_TRY(run_git(on_host(repository, arguments)));
  return {};
}

// The index follows HEAD as a checkout would have it, and what the user had staged stays staged.
static Status rebuild_index(const Repository& repository, const std::string& old_commit,
                            const std::string& new_commit) {
  if (old_commit != new_commit && !new_commit.empty()) {
    std::vector<std::string> arguments = {"read-tree"};
    if (!old_commit.empty()) arguments.insert(arguments.end(), {"-i", "-m", old_commit});
    arguments.push_back(new_commit);
    HV_TRY(run_git(on_host(repository, arguments, true)));
  }
  // It ends with 1 when files differ from the index, which is no failure.
  static_cast<void>(run_git(on_host(repository, {"update-index", "-q", "--refresh"}, true)));
  return {};
}

Result<std::vector<core::RefChange>> GitTransfer::apply(std::vector<core::Refusal>& conflicts) {
  std::vector<core::RefChange> done;
  if (plan_.moves.empty() && repository_->exists) return done;
  if (!repository_->exists) HV_TRY(make_repository());
  Repository host = *repository_;
  host.exists = true;
  std::string old_commit = head_commit(host);
  HV_TRY_CONTEXT(bring_objects(plan_.moves), "bring commits to the host");
  for (const core::RefChange& move : plan_.moves) {
    Status moved = move_ref(host, move.name, move.old_id, move.new_id);
    if (moved) {
      done.push_back(move);
    } else {
      conflicts.push_back({baseline_key(host, move.name), moved.error().message()});
    }
  }
  Status index = rebuild_index(host, old_commit, head_commit(host));
  if (!index)
    conflicts.push_back({baseline_key(host, "index"),
                         "what is staged on the host does not fit the new commit; 'git reset' "
                         "rebuilds it (" +
                             index.error().message() + ")"});
  return done;
}

std::vector<core::Refusal> undo_refs(const Repository& repository, const std::vector<RefStep>& refs) {
  std::vector<core::Refusal> conflicts;
  std::string before = head_commit(repository);
  for (auto ref = refs.rbegin(); ref != refs.rend(); ++ref) {
    if (ref->repository != repository.name) continue;
    Status moved = move_ref(repository, ref->name, ref->new_id, ref->old_id);
    if (!moved) conflicts.push_back({baseline_key(repository, ref->name), moved.error().message()});
  }
  static_cast<void>(rebuild_index(repository, before, head_commit(repository)));
  return conflicts;
}

}  // namespace hv::workspace
