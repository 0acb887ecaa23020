// The record of one apply, written before it touches the host: enough to take it back after a crash, and to undo it
// later.
//
// A journal is a directory <records>/journal/NNNNNNNN with `plan` (JSON, replaced atomically at each phase) and the
// pre-images `0`, `1`, ... Phases: staging (only temporary files and new directories exist), committing (renames are
// under way), done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "workspace/tree.h"

namespace hv::workspace {

// One change of one name on the host.
struct Step {
  enum class Kind { remove_file, remove_directory, make_directory, put_file, set_mode };
  Kind kind = Kind::put_file;
  std::string path;
  std::string
      temporary;  // remove_file, put_file: the name beside which the exchange happens, relative to the workspace
  std::optional<Entry> before;
  std::string target_before;   // the former symlink's text
  std::optional<Entry> after;  // what we put there, as staged
  bool preimage = false;       // the former content is kept in the journal under the step's number
};
std::string_view step_name(Step::Kind kind);

// One ref that was moved in the host's repository.
struct RefStep {
  std::string repository;  // as a path of the workspace
  std::string name;
  std::string old_id;
  std::string new_id;
};

struct Plan {
  enum class Phase { staging, committing, done };
  Phase phase = Phase::staging;
  std::vector<Step> steps;  // in the order of commit
  std::vector<RefStep> refs;
};

class Journal {
 public:
  // A new journal after all others in `records`.
  static base::Result<Journal> create(const std::string& records);
  // The newest one; nullopt when there is none.
  static base::Result<std::optional<Journal>> latest(const std::string& records);

  base::Status write(const Plan& plan) const;
  base::Result<Plan> read() const;
  // The directory, and the name of a step's pre-image in it.
  const std::string& directory() const { return directory_; }
  static std::string preimage_name(size_t step) { return std::to_string(step); }
  base::Status remove() const;
  // Only the plan stays.
  base::Status remove_preimages() const;
  // Removes all journals older than this one.
  base::Status remove_older() const;
  // What temporary files of this journal are called: nothing else on the host begins so.
  std::string temporary_prefix() const;

 private:
  Journal(std::string directory, uint64_t number) : directory_(std::move(directory)), number_(number) {}
  std::string directory_;
  uint64_t number_;
};

}  // namespace hv::workspace
