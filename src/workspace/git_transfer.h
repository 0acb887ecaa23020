// Brings commits made inside to the host's repository: objects are packed anew and checked, refs are compared and
// swapped, HEAD follows, the index is rebuilt. `.git` is never copied as files, no configuration or hook of the
// sandbox's repository is read or run, and the host's hooks do not run either.
//
// All work with the sandbox's objects is done by git in a scratch repository of our own, whose alternates are the
// sandbox's objects and the host's. The caller has confined this process: what a crafted object can do there ends
// there.
#pragma once

#include <string>
#include <vector>

#include "core/change.h"
#include "workspace/git_layout.h"
#include "workspace/git_refs.h"
#include "workspace/journal.h"
#include "workspace/places.h"
#include "workspace/review.h"

namespace hv::workspace {

// One repository in which the sandbox wrote.
struct Repository {
  std::string name;     // the `.git` as a path of the workspace, for reports
  std::string git_dir;  // on the host: HEAD and index
  std::string common_dir;
  std::string work_tree;
  std::string upper_root;  // the upper directory that the layers' paths begin at
  std::string own;         // HEAD and index, as a path of the layers
  std::string common;      // refs and objects, as a path of the layers
  Layers inside;
  Layers host;
  bool exists = true;  // on the host; false: made inside
};

struct RefPlan {
  std::vector<core::RefChange> moves;  // what can go; "HEAD" with "ref: ..." texts among them
  std::vector<core::Refusal> conflicts;
  std::vector<core::Refusal> held;         // files in commits that apply would hold back
  std::vector<core::RefChange> held_refs;  // the refs that stay because of them
};

struct TransferRules {
  std::vector<std::string> accept = {};  // held paths, or refs as paths, that are meant
  bool force = false;                    // also what the host moved meanwhile
};

class GitTransfer {
 public:
  // unavailable when there is no git on the host. `baseline` tells which refs the host moved meanwhile.
  static base::Result<GitTransfer> open(const Repository& repository, const Baseline& baseline, const Opened& opened,
                                        TransferRules rules);
  ~GitTransfer();
  GitTransfer(GitTransfer&&) noexcept = default;

  const RefPlan& plan() const { return plan_; }
  // Leaves out what is not as it was shown; to be called before apply().
  void keep_to(const Review& review);
  // Objects first, then refs, HEAD and index. What cannot go is added to `conflicts`; the moves that went are returned.
  base::Result<std::vector<core::RefChange>> apply(std::vector<core::Refusal>& conflicts);

 private:
  GitTransfer(const Repository& repository, const Baseline& baseline, const Opened& opened, TransferRules rules)
      : repository_(&repository),
        baseline_(&baseline),
        opened_(&opened),
        scratch_(opened.records + "/git-scratch"),
        rules_(std::move(rules)) {}
  base::Status prepare();
  base::Status compare();
  base::Status hold_back(const core::RefChange& move);
  std::string known_to_host() const;
  bool is_held(const std::string& ref) const;
  base::Status judge_ref(const std::string& name, const std::string& old_id, const std::string& new_id);
  bool host_moved(const std::string& name) const;
  base::Result<bool> is_ancestor(const std::string& older, const std::string& newer) const;
  base::Status bring_objects(const std::vector<core::RefChange>& moves);
  base::Status make_repository();

  const Repository* repository_;
  const Baseline* baseline_;
  const Opened* opened_;
  std::string scratch_;
  TransferRules rules_;
  Refs host_refs_;
  Refs inside_refs_;
  std::string host_head_;
  std::string inside_head_;
  RefPlan plan_;
};

// Moves refs back, each only if it is still where apply left it.
std::vector<core::Refusal> undo_refs(const Repository& repository, const std::vector<RefStep>& refs);

// The key under which the baseline knows a file of a repository.
std::string baseline_key(const Repository& repository, std::string_view file);

}  // namespace hv::workspace
