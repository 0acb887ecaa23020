// Tries a sandbox from inside: hydravisor-probe runs in it, as the agent would, against targets that are made on the
// host for this. In a sandbox where an agent is at work its answer shows what holds, and is no verdict on an agent that
// means to deceive. A proof is therefore made in a twin, in which nothing else runs.
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
#include "service/twin.h"

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
    // Starts a twin of a sandbox, or of the one that a request would make, and removes it again.
    std::function<void(const std::string& sandbox, std::optional<core::Layer> without, Reply<Twin>)> start_twin;
    std::function<void(const core::RunRequest&, Reply<Twin>)> start_twin_for;
    std::function<void(const std::string& id)> remove_twin;
    // Puts a proof about `sandbox` into the ledger, signed.
    std::function<void(const std::string& sandbox, const core::Proof&, Reply<uint64_t>)> sign;
    std::string directory;  // the daemon's runtime directory
    std::string principal;  // whom the probing is recorded as done by where nobody else is named
  };
  explicit ProbeCase(Collaborators collaborators);
  ~ProbeCase();

  // On the loop's thread, and so is the reply. The case goes before its loop, and after the loop's last turn; what is
  // then under way is dropped without a reply.
  void probe(const std::string& sandbox, const core::ProbeRequest& request, Reply<core::ProbeReport> reply,
             const std::string& by = {});
  // Probes a twin of the sandbox that the request would make. The index of the signed proof, or denied with what got
  // through, the layers that should have held it, and what to do.
  void prove(const core::RunRequest& request, Reply<uint64_t> reply);

 private:
  struct Run;
  struct Place {
    std::string sandbox;
    bool nested = false;
    bool own_root = false;
  };
  void run_in(const Place& place, const core::ProbeRequest& request, Reply<core::ProbeReport> reply);
  // In the twin, which is removed afterwards; then signed as a proof about `sandbox`, shown under `name`.
  void probe_twin(const Twin& twin, const std::string& sandbox, const std::string& name,
                  Reply<core::ProbeReport> reply);
  void read(const std::shared_ptr<Run>& run);
  // Replies; `run` is given up once the callback that led here has returned.
  void finish(const std::shared_ptr<Run>& run, base::Result<core::ProbeReport> report);
  base::Result<core::ProbeReport> record(base::Result<core::ProbeReport> report, const std::string& sandbox_id,
                                         const std::string& shown_as, const std::string& by);

  Collaborators with_;
  std::set<std::shared_ptr<Run>> runs_;
};

// What hydravisor-probe --json printed, read strictly. `problem` is what it wrote on standard error.
base::Result<core::ProbeReport> parse_probe_output(int status, std::string_view output, std::string_view problem);

// What a probing of `twin` proves.
core::Proof make_proof(const Twin& twin, const std::string& name, const core::ProbeReport& report);

// Why a start is refused after this proof, which is record `index` of the ledger.
base::Error refuse_unproven(const core::Proof& proof, uint64_t index);

}  // namespace hv::service
