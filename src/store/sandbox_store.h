// What the daemon knows of each sandbox beyond its own life: one file, `sandbox.json`, in the sandbox's directory.
// The truth about whether a sandbox runs is not here but in its lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/audit_rules.h"
#include "core/id.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"

namespace hv::store {

// A rule of behavior as a policy spells it, and where it was written.
struct StoredRule {
  std::string text;
  std::string origin;
};

struct StoredSandbox {
  core::SandboxInfo info;
  // With only those variables of the caller's environment that passed: a later start needs no more.
  core::RunRequest request;
  bool host_root = false;
  std::optional<uint32_t> id_base;  // as root, while it runs: the first of its 65,536 host ids
  bool twin = false;                // of another, made to be probed: no daemon leaves it running
  // Of the run that began last: the rules that hold for it, where its home lies inside, and the last record of its
  // spool that is of an earlier run.
  std::vector<StoredRule> behavior;
  std::string home_inside;
  uint64_t behavior_since = 0;
  std::string isolated_by;         // the rule that has taken its network; empty: none has
  std::optional<int64_t> ends_at;  // seconds since 1970: when the policy's hours of this run are over
  std::string end_reason;
  core::AuditRules audit;         // what its policy says of the record, of the run that began last
  bool remove_when_done = false;  // made by `run`: goes when its command has ended and nothing waits to be applied
};

class SandboxStore {
 public:
  explicit SandboxStore(std::string directory) : directory_(std::move(directory)) {}

  std::string path_of(const std::string& id) const { return directory_ + "/" + id; }
  // Makes the sandbox's directory (0700) unless the planning has, and a reserve of a few blocks in it.
  base::Status create(const core::SandboxId& id) const;
  // Frees what create() set aside, so that a removal can be recorded on a disk that is full, perhaps by this very
  // sandbox. False when that was done before.
  bool give_back_reserve(const std::string& id) const;
  // Replaces the file as a whole; a reader sees the old or the new one.
  base::Status save(const StoredSandbox& sandbox) const;
  // Every sandbox there is. A directory without a readable file is named in `problems` and left untouched.
  base::Result<std::vector<StoredSandbox>> load_all(std::vector<std::string>& problems) const;
  base::Status remove(const std::string& id) const;
  // Takes a sandbox's directory out of sight at once, for whoever removes it in his own time: an agent may have filled
  // it with millions of files. The new path, empty when there was nothing.
  base::Result<std::string> set_aside(const std::string& id) const;
  // What a daemon that was killed had begun: directories that were set aside and not removed, and those of sandboxes of
  // which nothing was noted yet, so that nobody was told of them.
  std::vector<std::string> half_done() const;

 private:
  std::string directory_;
};

}  // namespace hv::store
