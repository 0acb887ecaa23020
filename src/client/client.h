// The API as typed calls: everything a front end can do. One connection, used by one thread; calls that stream take a
// connection of their own. Errors are the daemon's, with code, message and hint as it gave them; `timeout` when it is
// silent and gives no sign of life on another connection either.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/daemon.h"
#include "client/stream.h"
#include "core/access_info.h"
#include "core/audit_query.h"
#include "core/change.h"
#include "core/host_info.h"
#include "core/policy_info.h"
#include "core/proof.h"
#include "core/run_request.h"
#include "core/sandbox_info.h"

namespace hv::http {
class ClientConnection;
struct Request;
struct Response;
}  // namespace hv::http

namespace hv::client {

// A log, or an export: bytes as they come.
class ByteReader {
 public:
  explicit ByteReader(std::unique_ptr<http::ClientConnection> connection);
  ByteReader(ByteReader&&) noexcept;
  ~ByteReader();
  // Blocks; an empty string is the end.
  base::Result<std::string> read();
  int fd() const;

 private:
  std::unique_ptr<http::ClientConnection> connection_;
};

// Ledger records as they are written.
class RecordReader {
 public:
  explicit RecordReader(std::unique_ptr<http::ClientConnection> connection);
  RecordReader(RecordReader&&) noexcept;
  ~RecordReader();
  // Blocks; nullopt when the daemon ended the stream (resume after the last index seen).
  base::Result<std::optional<core::AuditRecord>> next();
  int fd() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Samples of what all sandboxes use.
class UsageReader {
 public:
  explicit UsageReader(std::unique_ptr<http::ClientConnection> connection);
  UsageReader(UsageReader&&) noexcept;
  ~UsageReader();
  // Blocks; nullopt when the daemon ended the stream.
  base::Result<std::optional<core::Usage>> next();
  int fd() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Client {
 public:
  // Finds the daemon, starting it where `access` allows and it is not there; checks whose socket it is. An older daemon
  // is made to re-exec the first time it meets a request. denied: the socket is another user's. unavailable: no daemon
  // and none could be started.
  static base::Result<Client> connect(Access access);
  Client(Client&&) noexcept;
  ~Client();

  base::Result<core::DaemonInfo> daemon();
  base::Status shut_down();
  base::Status reexec(const core::ReexecRequest& request);

  base::Result<core::SandboxInfo> create(const core::RunRequest& request, bool start);
  base::Result<Stream> run(const core::RunRequest& request);
  base::Result<Stream> exec(std::string_view sandbox, const core::ExecRequest& request);
  base::Result<Stream> attach(std::string_view sandbox, const core::AttachRequest& request);
  base::Result<std::vector<core::SandboxInfo>> list(const core::SandboxFilter& filter = {});
  base::Result<core::SandboxInfo> inspect(std::string_view sandbox);
  base::Result<core::SandboxInfo> start(std::string_view sandbox);
  base::Result<core::SandboxInfo> stop(std::string_view sandbox, const core::StopRequest& request = {});
  base::Result<core::SandboxInfo> extend(std::string_view sandbox, const core::ExtendRequest& request);
  base::Status kill(std::string_view sandbox, const core::KillRequest& request);
  base::Result<core::SandboxInfo> pause(std::string_view sandbox);
  base::Result<core::SandboxInfo> resume(std::string_view sandbox);
  base::Status remove(std::string_view sandbox, bool force);
  base::Result<core::SandboxInfo> rename(std::string_view sandbox, const core::RenameRequest& request);
  base::Result<core::SandboxInfo> change_network(std::string_view sandbox, const core::NetworkRequest& request);
  base::Result<core::Outcome> wait(std::string_view sandbox);
  base::Result<core::SandboxStats> stats(std::string_view sandbox);
  base::Result<core::Usage> usage();
  base::Result<UsageReader> usage_samples(std::chrono::milliseconds interval);
  base::Result<ByteReader> logs(std::string_view sandbox, bool follow);
  base::Result<core::ProbeReport> probe(std::string_view sandbox, const core::ProbeRequest& request);
  // The newest first; of one sandbox, by name or id, or of all when it is empty.
  base::Result<std::vector<core::ProofInfo>> proofs(std::string_view sandbox, uint64_t limit);

  base::Result<core::ChangeReport> diff(std::string_view sandbox, const core::DiffRequest& request);
  base::Result<core::ApplyReport> apply(std::string_view sandbox, const core::ApplyRequest& request);
  base::Result<core::PathsReport> discard(std::string_view sandbox, const core::DiscardRequest& request);
  base::Result<core::PathsReport> undo(std::string_view sandbox);
  base::Result<core::PathsReport> sync(std::string_view sandbox);

  base::Result<std::vector<core::PolicyInfo>> policies();
  base::Result<core::PolicyInfo> policy(std::string_view name);
  base::Result<core::PolicyInfo> effective_policy(std::string_view name);
  base::Result<core::PolicyReport> validate_policy(std::string_view name, const core::PolicyTextRequest& request);
  base::Result<core::PolicyExplanation> explain_policy(std::string_view name);
  base::Result<core::PolicyAnswer> ask_policy(std::string_view name, const core::PolicyQuestion& question);
  base::Result<core::PolicyDiff> diff_policies(std::string_view before, std::string_view after);
  base::Result<core::PolicySimulation> simulate_policy(std::string_view name,
                                                       const core::PolicySimulateRequest& request);
  base::Result<core::PolicyLearned> learn_policy(std::string_view sandbox, const core::PolicyLearnRequest& request);
  base::Result<core::PolicyInfo> write_policy(std::string_view name, const core::PolicyWriteRequest& request);
  base::Result<std::vector<core::AgentInfo>> agents();
  base::Result<core::AgentInfo> agent(std::string_view name);
  base::Result<std::vector<core::HomeInfo>> homes();
  base::Status remove_home(std::string_view key);
  base::Result<core::DoctorReport> doctor(const std::string& workspace);
  base::Result<core::ReapReport> reap();

  base::Result<core::AccessInfo> access();
  base::Result<core::AccessAnswer> ask_access(const core::AccessQuestion& question);
  base::Result<std::vector<core::TokenInfo>> tokens();
  base::Result<core::TokenMade> make_token(const core::TokenRequest& request);
  // Those that went: itself and all that came from it.
  base::Result<std::vector<core::TokenInfo>> revoke_token(std::string_view id);

  base::Result<core::AuditPage> audit_events(const core::AuditQuery& query);
  base::Result<core::AuditRecord> audit_event(uint64_t index);
  // All of it, or what came since it was last found whole.
  base::Result<core::VerifyReport> audit_verify(bool since_last);
  base::Result<core::PruneReport> audit_prune(const core::PruneRequest& request);
  // Starts after `after`, or with what comes from now on.
  base::Result<RecordReader> audit_tail(const core::AuditQuery& query);
  // Life cycle events only, as they come.
  base::Result<RecordReader> events(std::optional<uint64_t> after = std::nullopt);
  // One JSON record a line.
  base::Result<ByteReader> audit_export(const core::AuditQuery& query);
  // What is sealed of it, with proofs; `remembered` is a checkpoint that the ledger must continue.
  base::Result<ByteReader> audit_bundle(const core::AuditQuery& query, const std::optional<std::string>& remembered);

 private:
  explicit Client(Access access, std::unique_ptr<http::ClientConnection> connection);
  // A connection for one call: the kept one, or a new one.
  base::Result<std::unique_ptr<http::ClientConnection>> take_connection();
  // Sends until a daemon that is new enough answers with a head; a status from 400 on is its error.
  base::Result<http::Response> open(std::unique_ptr<http::ClientConnection>& connection, const http::Request& request);
  base::Result<std::string> call(http::Request request);
  base::Result<Stream> upgrade(std::string target, std::string body);
  base::Result<std::unique_ptr<http::ClientConnection>> stream(std::string target, std::string_view type);

  Access access_;
  std::unique_ptr<http::ClientConnection> connection_;
};

}  // namespace hv::client
