// Brings what changes on the host into a copy-on-write workspace while the sandbox runs. What the sandbox changed
// itself stays, and is told once for each path; what the host deletes is left alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "shimwire/protocol.h"
#include "workspace/host_watcher.h"
#include "workspace/places.h"

namespace hv::supervisor {

class HostSync {
 public:
  struct Hooks {
    // Asks init to bring a file in; `file` is -1 for a link. Each request is answered by one call of imported().
    std::function<base::Status(const shimwire::ImportRequest& request, int file)> import;
    // A path that stays different inside, and why. Once a path.
    std::function<void(const std::string& path, const std::string& reason)> conflict;
    // Edits of the host that will go unnoticed, and why. Once.
    std::function<void(const std::string& reason)> gap;
  };

  // To be called before the supervisor confines itself: opens what it needs of `records` (<state>/workspace).
  static base::Result<std::unique_ptr<HostSync>> open(base::EventLoop& loop, const std::string& workspace,
                                                      const std::string& records, Hooks hooks);
  ~HostSync();
  HostSync(const HostSync&) = delete;

  // Begins to watch the workspace, seen at `root` by now, a moment later: a short run costs nothing.
  void begin(std::string root);
  void imported(const shimwire::Problem& problem);

 private:
  // The request that init is working on.
  struct Current {
    std::string path;
    workspace::Entry host;
    base::Fd file;     // not set for a link
    std::string link;  // its text
  };
  HostSync(base::EventLoop& loop, std::string workspace, Hooks hooks, base::Fd records, workspace::Tree upper)
      : loop_(loop),
        workspace_(std::move(workspace)),
        hooks_(std::move(hooks)),
        records_(std::move(records)),
        upper_(std::move(upper)) {}
  void start();
  void on_report(const std::vector<std::string>& paths);
  void work();
  base::Status bring_in(const std::string& path, const workspace::Entry& entry);
  base::Status agree(const Current& done);
  void suspect(const std::string& path);
  void recheck();
  void tell_conflict(const std::string& path, const std::string& reason);
  void tell_gap(const std::string& reason);

  base::EventLoop& loop_;
  std::string workspace_;
  Hooks hooks_;
  base::Fd records_;
  workspace::Tree upper_;
  std::string root_;
  std::optional<workspace::Opened> places_;
  std::optional<workspace::Baseline> baseline_;
  std::unique_ptr<workspace::HostWatcher> watcher_;
  std::set<std::string> waiting_;
  std::optional<Current> current_;
  std::set<std::string> suspects_;  // looked at again before they are called conflicts
  std::set<std::string> confirmed_;
  std::set<std::string> told_;
  bool told_gap_ = false;
  int64_t began_ = 0;
  std::optional<base::EventLoop::TimerId> start_timer_;
  std::optional<base::EventLoop::TimerId> recheck_timer_;
  std::optional<base::EventLoop::TimerId> gap_timer_;
};

}  // namespace hv::supervisor
