// The supervisor's end of the seccomp listener: records what the agent executes and is denied, then answers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "monitor/exit_follower.h"
#include "monitor/monitor.h"
#include "supervisor/discretion.h"
#include "workspace/links.h"

namespace hv::supervisor {

class AgentWatch {
 public:
  // Returns once the record is written. While it fails, nothing is answered: the agent stands still.
  using Record = std::function<base::Status(const std::string& payload)>;

  // Called before a call that changes files goes on, when the filter tells of such calls. `links` reads symlinks as the
  // caller sees them.
  using BeforeWrite = std::function<void(const monitor::WriteIntent& intent, const workspace::LinkReader& links)>;

  // Told when the agent begins to stand still because a record cannot be written, and with no text when it goes on.
  using Stalled = std::function<void(const std::string& reason)>;

  // `denied`: calls that the policy denies beside the ones that every sandbox is denied. `discretion` outlives it.
  // `exits` is opened before the supervisor is confined.
  static base::Result<AgentWatch> start(base::EventLoop& loop, base::Fd listener, std::vector<uint32_t> denied,
                                        const Discretion& discretion, monitor::ExitFollower exits, Record record,
                                        BeforeWrite before_write = {}, Stalled stalled = {});
  AgentWatch(AgentWatch&&) noexcept;
  ~AgentWatch();

  // Writes what was counted and not yet written. To be called before the sandbox is said to have ended: what is written
  // later is not waited for.
  void flush();

 private:
  struct State;
  explicit AgentWatch(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hv::supervisor
