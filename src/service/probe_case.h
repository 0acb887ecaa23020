// Tries a sandbox from inside: hydravisor-probe runs in it, as the agent would, against targets that are made on the
// host for this. Its answer comes from inside, where the agent is at work too: it shows what holds, and is no verdict
// on an agent that means to deceive.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/reactor.h"
#include "base/result.h"
#include "core/event.h"
#include "core/host_info.h"
#include "core/launch.h"
#include "runtime/supervisor_link.h"
#include "service/sandbox_lookup.h"
#include "service/service.h"

namespace hv::service {

// Where every sandbox has the program.
inline constexpr const char* kProbeInside = "/run/hydravisor/probe";

class ProbeCase {
 public:
  struct Collaborators {
    base::Reactor& loop;
    const SandboxLookup& sandboxes;
    core::Recorder& recorder;
    // Runs a command in a running sandbox and hands the connection, which speaks frames, to its supervisor.
    std::function<base::Status(const std::string& sandbox, const core::Command&, runtime::ClientSocket)> exec_inside;
    // Starts a sandbox made like this one but without the layer and without a main command, and removes it again. Not
    // set: `control` is refused, with what to do instead.
    std::function<void(const std::string& sandbox, core::Layer, Reply<core::SandboxInfo>)> start_twin;
    std::function<void(const std::string& id)> remove_twin;
    std::string directory;  // the daemon's runtime directory
    std::string principal;  // whom the probing is recorded as done by
  };
  explicit ProbeCase(Collaborators collaborators);
  ~ProbeCase();

  // On the loop's thread, and so is the reply. The case goes before its loop, and after the loop's last turn; what is
  // then under way is dropped without a reply.
  void probe(const std::string& sandbox, const core::ProbeRequest& request, Reply<core::ProbeReport> reply);

 private:
  struct Run;
  void run_in(const std::string& sandbox, const std::string& shown_as, const core::ProbeRequest& request,
              Reply<core::ProbeReport> reply);
  void read(const std::shared_ptr<Run>& run);
  // Replies; `run` is given up once the callback that led here has returned.
  void finish(const std::shared_ptr<Run>& run, base::Result<core::ProbeReport> report);
  base::Status record(const core::ProbeReport& report, const std::string& sandbox_id);

  Collaborators with_;
  std::set<std::shared_ptr<Run>> runs_;
};

// What hydravisor-probe --json printed, read strictly. `problem` is what it wrote on standard error.
base::Result<core::ProbeReport> parse_probe_output(int status, std::string_view output, std::string_view problem);

}  // namespace hv::service
