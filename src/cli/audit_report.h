// What one sandbox did, summed up from its records: what a person wants to know in the morning. Sums only what was
// recorded; what the agent itself claimed stays apart from what was seen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "core/audit_query.h"

namespace hv::cli {

struct AuditReport {
  std::string name;
  std::string id;
  std::optional<base::WallTime> first;
  std::optional<base::WallTime> last;
  uint64_t records = 0;
  uint64_t first_index = 0;
  uint64_t last_index = 0;
  uint64_t sealed = 0;
  uint64_t redacted = 0;          // credentials taken out
  uint64_t payloads_deleted = 0;  // records of which only the envelope is left

  struct Run {
    std::string principal;
    std::vector<std::string> command;
    std::string policy;
    std::string workspace;
    std::string mode;
    base::WallTime from{};
    std::optional<base::WallTime> to{};
    std::string ended{};  // "exited 0", "killed_by_policy: ..."
    std::vector<std::string> degraded{};
  };
  std::vector<Run> runs;

  uint64_t programs_started = 0;             // claimed
  std::map<std::string, uint64_t> programs;  // by path
  std::map<std::string, uint64_t> observed;  // files that the kernel showed to be running
  std::vector<std::string> failed;           // "program: ENOENT"
  struct Failure {
    std::vector<std::string> command;  // as claimed; empty: not known
    std::string executable;            // as observed; empty: it was not
    uint64_t status = 0;               // as a shell gives it
    std::string signal;
    uint64_t count = 0;
    uint64_t first_index = 0;
  };
  std::vector<Failure> failed_commands;  // that ended with another status than 0, or crashed
  uint64_t failures_left_out = 0;        // different ones, beyond the first thousand

  struct Step {
    uint64_t index = 0;
    base::WallTime at{};
    std::string who;
    std::string what;
  };
  std::vector<Step> changes;                                    // of the workspace and the home, by people
  std::vector<std::string> changed_paths;                       // applied to the host
  std::map<std::string, uint64_t> files;                        // by what was found to have become of them: "created"
  std::vector<std::pair<std::string, std::string>> file_paths;  // "created", its path or the directory of several
  std::vector<Step> asked;                                      // what people asked for or allowed while it ran
  std::vector<Step> remarkable;                                 // of medium and high risk

  struct Refusal {
    std::string risk;
    uint64_t count = 0;
    uint64_t first_index = 0;
    std::string why;
  };
  std::map<std::string, Refusal> refused_calls;
  struct Host {
    uint64_t connections = 0;
    uint64_t requests = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    uint64_t refused = 0;
    std::string verdict;  // the last refusal's
    std::string rule;
  };
  std::map<std::string, Host> hosts;  // "name:port"

  // The records of one sandbox in their order.
  void add(const core::AuditRecord& record);

 private:
  void add_ends(const core::AuditRecord& record);
  std::map<uint64_t, std::vector<std::string>> running_;  // by pid, the last command line
};

}  // namespace hv::cli
