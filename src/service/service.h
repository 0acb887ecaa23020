// The use cases as a front end sees them. `sandbox` is always a name or an id. Three kinds of methods:
//   plain     answer at once from memory; called on the loop's thread, must not block.
//   Reply     start something that ends later; called on the loop's thread, must not block. The reply is given exactly
//   once, during the call or
//             after it, from any thread.
//   [pool]    may block on files; called on a pool thread, several at a time, so they must be thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "core/access_info.h"
#include "core/audit_query.h"
#include "core/change.h"
#include "core/host_info.h"
#include "core/policy_info.h"
#include "core/proof.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"
#include "core/subscription.h"

namespace hv::service {

template <typename T>
using Reply = std::function<void(base::Result<T>)>;
using StatusReply = std::function<void(base::Status)>;

// A connection whose client asked to speak frames. Exactly one of accept() and refuse() is called, on the loop's
// thread, during the call that gave it or later; destroying it unanswered refuses with an internal error.
class Handover {
 public:
  struct Socket {
    base::Fd fd;           // blocking, owned by the receiver; nothing else reads or writes it
    std::string buffered;  // bytes that the client sent after its request: they come before what the descriptor yields
  };
  virtual ~Handover() = default;
  // Answers 101 with the sandbox's name and gives the connection away. cancelled when the client has gone. From then on
  // errors travel as frames of type 7.
  virtual base::Result<Socket> accept(std::string_view sandbox_name) = 0;
  // Answers with a problem document; the connection goes on speaking HTTP.
  virtual void refuse(base::Error error) = 0;
};

struct LogChunk {
  std::string bytes;
  uint64_t next = 0;   // the offset to go on at: a line that tells of what was not kept stands for more than its length
  bool ended = false;  // nothing will be added after these bytes: the sandbox is stopped
};

// A long text in pieces: the next one, nullopt at the end. Not for several threads at once; may outlive whoever made
// it, not the service.
using TextSource = std::function<base::Result<std::optional<std::string>>()>;

// Who asks, as the connection and its request tell: by the kernel's word, and by a token when one is shown.
struct Credentials {
  uint32_t uid = 0;
  std::string token;  // empty: none
};

// What one who asks may use. Every method decides first whether he may: denied, with the rule, when not. It lives as
// long as his request.
class Service {
 public:
  virtual ~Service() = default;

  // The daemon itself. Both effects happen after the answer was given: the reply is already on its way when the loop
  // ends.
  virtual base::Result<core::DaemonInfo> daemon() = 0;
  virtual base::Status shut_down() = 0;
  virtual base::Status reexec(const core::ReexecRequest& request) = 0;

  // Life cycle.
  virtual void create(core::RunRequest request, bool start, Reply<core::SandboxInfo> reply) = 0;
  virtual void run(core::RunRequest request, std::unique_ptr<Handover> handover) = 0;
  virtual void exec(std::string sandbox, core::ExecRequest request, std::unique_ptr<Handover> handover) = 0;
  virtual void attach(std::string sandbox, core::AttachRequest request, std::unique_ptr<Handover> handover) = 0;
  // Those that whoever asks may see.
  virtual base::Result<std::vector<core::SandboxInfo>> list(const core::SandboxFilter& filter) = 0;
  virtual base::Result<core::SandboxInfo> inspect(std::string_view sandbox) = 0;  // [pool]: counts changes
  virtual void start(std::string sandbox, Reply<core::SandboxInfo> reply) = 0;
  virtual void stop(std::string sandbox, core::StopRequest request, Reply<core::SandboxInfo> reply) = 0;
  // Of a sandbox with a wall or idle limit that runs: conflict otherwise.
  virtual void extend(std::string sandbox, core::ExtendRequest request, Reply<core::SandboxInfo> reply) = 0;
  virtual void kill(std::string sandbox, core::KillRequest request, StatusReply reply) = 0;
  virtual void pause(std::string sandbox, Reply<core::SandboxInfo> reply) = 0;
  virtual void resume(std::string sandbox, Reply<core::SandboxInfo> reply) = 0;
  virtual void remove(std::string sandbox, bool force, StatusReply reply) = 0;
  virtual base::Result<core::SandboxInfo> rename(std::string_view sandbox, const core::RenameRequest& request) = 0;
  // Replies when the main command has ended, at once if it has. Dropping the subscription drops the reply.
  virtual core::Subscription wait(std::string sandbox, Reply<core::Outcome> reply) = 0;
  virtual base::Result<core::SandboxInfo> change_network(std::string_view sandbox,
                                                         const core::NetworkRequest& request) = 0;
  virtual base::Result<core::SandboxStats> stats(std::string_view sandbox) = 0;  // [pool]
  // Of all that run; cheap enough for every second. [pool]
  virtual base::Result<core::Usage> usage() = 0;
  // Calls `wake` every `interval`. On the loop's thread.
  virtual core::Subscription watch_usage(std::chrono::milliseconds interval, std::function<void()> wake) = 0;
  // At most `limit` bytes of what the main command wrote, from `offset` on. [pool]
  virtual base::Result<LogChunk> read_log(std::string_view sandbox, uint64_t offset, size_t limit) = 0;
  // Calls `wake` (any thread, cheap, may be spurious) after the log grew or ended.
  virtual base::Result<core::Subscription> watch_log(std::string_view sandbox, std::function<void()> wake) = 0;
  virtual void probe(std::string sandbox, core::ProbeRequest request, Reply<core::ProbeReport> reply) = 0;

  // The newest first; of one sandbox (its name or id), or of all. [pool]
  virtual base::Result<std::vector<core::ProofInfo>> proofs(const std::string& sandbox, size_t limit) = 0;

  // The workspace. [pool]
  virtual base::Result<core::ChangeReport> diff(std::string_view sandbox, const core::DiffRequest& request) = 0;
  virtual base::Result<core::ApplyReport> apply(std::string_view sandbox, const core::ApplyRequest& request) = 0;
  virtual base::Result<core::PathsReport> discard(std::string_view sandbox, const core::DiscardRequest& request) = 0;
  virtual base::Result<core::PathsReport> undo(std::string_view sandbox) = 0;
  virtual base::Result<core::PathsReport> sync(std::string_view sandbox) = 0;

  // Data files and the host. [pool]
  virtual base::Result<std::vector<core::PolicyInfo>> policies() = 0;
  virtual base::Result<core::PolicyInfo> policy(std::string_view name) = 0;
  // With all that it extends, and each line's origin.
  virtual base::Result<core::PolicyInfo> effective_policy(std::string_view name) = 0;
  virtual base::Result<core::PolicyReport> validate_policy(std::string_view name,
                                                           const core::PolicyTextRequest& request) = 0;
  virtual base::Result<core::PolicyExplanation> explain_policy(std::string_view name) = 0;
  virtual base::Result<core::PolicyAnswer> ask_policy(std::string_view name, const core::PolicyQuestion& question) = 0;
  virtual base::Result<core::PolicyDiff> diff_policy(std::string_view name, const core::PolicyDiffRequest& request) = 0;
  virtual base::Result<core::PolicySimulation> simulate_policy(std::string_view name,
                                                               const core::PolicySimulateRequest& request) = 0;
  virtual base::Result<core::PolicyLearned> learn_policy(std::string_view sandbox,
                                                         const core::PolicyLearnRequest& request) = 0;
  virtual base::Result<core::PolicyInfo> write_policy(std::string_view name,
                                                      const core::PolicyWriteRequest& request) = 0;
  virtual base::Result<std::vector<core::AgentInfo>> agents() = 0;
  virtual base::Result<core::AgentInfo> agent(std::string_view name) = 0;
  virtual base::Result<std::vector<core::HomeInfo>> homes() = 0;
  virtual base::Status remove_home(std::string_view key) = 0;
  // Of `workspace` too, an absolute path; empty: of none.
  virtual base::Result<core::DoctorReport> doctor(const std::string& workspace) = 0;
  // Takes away what killed processes left behind.
  virtual base::Result<core::ReapReport> reap() = 0;

  // Who may do what. [pool]
  virtual base::Result<core::AccessInfo> access() = 0;
  virtual base::Result<core::AccessAnswer> ask_access(const core::AccessQuestion& question) = 0;
  virtual base::Result<std::vector<core::TokenInfo>> tokens() = 0;
  // The only time that a token is told.
  virtual base::Result<core::TokenMade> make_token(const core::TokenRequest& request) = 0;
  // With all that came from it.
  virtual base::Result<std::vector<core::TokenInfo>> revoke_token(std::string_view id) = 0;

  // The ledger. [pool]
  virtual base::Result<core::AuditPage> audit_events(const core::AuditQuery& query) = 0;
  virtual base::Result<core::AuditRecord> audit_event(uint64_t index) = 0;
  virtual base::Result<core::VerifyReport> audit_verify(bool since_last) = 0;
  // Payloads first, then whole records; each is recorded before it is done. invalid_argument for a request that names
  // neither, or no reason.
  virtual base::Result<core::PruneReport> audit_prune(const core::PruneRequest& request) = 0;
  // What answers the query and is sealed, as a bundle that can be checked elsewhere; with `remembered`, also that the
  // ledger continues that checkpoint.
  virtual base::Result<TextSource> audit_bundle(const core::AuditQuery& query,
                                                const std::optional<std::string>& remembered) = 0;
  // Calls `wake` (any thread, cheap, may be spurious) after records were added. On the loop's thread.
  virtual core::Subscription watch_audit(std::function<void()> wake) = 0;
};

// Lets somebody in. denied for a token that does not hold.
using Entrance = std::function<base::Result<std::shared_ptr<Service>>(const Credentials&)>;

}  // namespace hv::service
