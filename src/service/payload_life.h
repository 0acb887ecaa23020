// How long what single sandboxes did is kept in full, where their policies say so: until then, and longer than the
// sandboxes themselves are there. A file for each remembers it, so that every daemon does what is due. In steps of one
// segment of the journal, found through the index.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "audit/ledger.h"
#include "base/clock.h"
#include "base/result.h"

namespace hv::service {

class PayloadLife {
 public:
  struct Options {
    std::string directory;  // of those files
    audit::Ledger& ledger;
    // The first entry that was recorded then or later.
    std::function<base::Result<uint64_t>(base::WallTime)> first_since;
    // The first entry of a sandbox in [from, before) whose payload can go and is there.
    std::function<base::Result<std::optional<uint64_t>>(const std::string& sandbox, uint64_t from, uint64_t before)>
        first_of;
    std::function<bool(const std::string& sandbox)> exists;
    const base::Clock& clock = base::system_clock();
  };
  // How long after its time a payload is looked for: an eighth of that time, within these.
  static constexpr std::chrono::milliseconds kSoonest{1000};
  static constexpr std::chrono::milliseconds kLatest = std::chrono::hours(24);

  // Reads what earlier daemons noted. A file that cannot be read is named in `problem()`, and left.
  explicit PayloadLife(Options options);
  const std::string& problem() const { return problem_; }

  // What the sandbox's policy says from now on, of what is recorded already as well; 0: nothing. Before a run begins.
  // Any thread.
  base::Status note(const std::string& sandbox, const std::string& policy, uint64_t keep_millis);
  // Does one thing that is due; false when nothing is. Blocks on files for up to a second or two. One thread at a time.
  base::Result<bool> step();

 private:
  struct Rule {
    std::string policy;
    std::chrono::milliseconds keep{};
    uint64_t done = 0;  // payloads of entries below are gone
    base::WallTime next{};
  };
  std::string path_of(const std::string& sandbox) const { return with_.directory + "/" + sandbox; }
  base::Status write(const std::string& sandbox, const Rule& rule) const;
  base::Result<bool> step_of(const std::string& sandbox, Rule& rule);
  // Takes over what a step came to, unless the sandbox has another rule by now.
  base::Status settle(const std::string& sandbox, const Rule& before, const Rule& after, bool over);

  const Options with_;
  std::string problem_;
  std::mutex mutex_;
  std::map<std::string, Rule> rules_;
};

}  // namespace hv::service
