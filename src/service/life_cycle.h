// The life of sandboxes: authorize, record the intent, act, record the outcome. Everything but find() and list()
// happens on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/ledger.h"
#include "base/reactor.h"
#include "service/live_sandbox.h"
#include "service/planner.h"
#include "service/proof_cases.h"
#include "service/redaction_book.h"
#include "service/sandbox_locks.h"
#include "service/sandbox_lookup.h"
#include "service/service.h"
#include "service/spare_supervisor.h"
#include "service/supervisor_maker.h"
#include "service/twin.h"
#include "store/sandbox_store.h"

namespace hv::service {

class LifeCycle final : public SandboxLookup {
 public:
  struct Collaborators {
    base::Reactor& loop;
    audit::Ledger& ledger;
    Planner& planner;
    SandboxLocks& locks;
    const ProofCases& proofs;
    store::SandboxStore store;
    SupervisorMaker supervisors;
    std::string histories;  // the directory of what agents were seen doing; empty: it is kept nowhere
    std::optional<runtime::SupervisorLink> first;  // one that is there already
    // Whether a stopped sandbox holds changes that a person may want; may block, called on a thread of its own choosing
    // through `later`.
    std::function<bool(const std::string& sandbox)> holds_changes;
    // Turns what a stopped sandbox did to files into events; may block, called as the one before.
    std::function<void(const std::string& sandbox)> record_files;
    RedactionBook& redactions;
    // What a sandbox's policy says of how long its payloads are kept, before anything of a run is recorded.
    std::function<base::Status(const std::string& sandbox, const std::string& policy, uint64_t millis)> keep_payloads;
    std::function<void(std::function<void()>)> later;  // runs a task that may block, off the loop
    // Runs a task that may take seconds and waits for no sandbox, off the loop; false when there are too many already.
    std::function<bool(std::function<void()>)> search_later;
  };
  explicit LifeCycle(Collaborators collaborators);
  ~LifeCycle() override;

  // Finds every sandbox on disk, takes up the live ones, and settles those whose supervisor died. Once, before serving.
  base::Status reconcile();

  // `proof` is what came of probing a twin first, for a request that says so: the index of the record.
  using Proven = std::optional<base::Result<uint64_t>>;
  void create(core::RunRequest request, bool start, Reply<core::SandboxInfo> reply, const Proven& proof = {});
  void run(core::RunRequest request, std::unique_ptr<Handover> handover, const Proven& proof = {});
  void exec(const std::string& sandbox, core::ExecRequest request, std::unique_ptr<Handover> handover);
  void attach(const std::string& sandbox, core::AttachRequest request, std::unique_ptr<Handover> handover);
  // `by` is whom it is recorded as done by, in these and the following; empty: who made the sandbox.
  void start(const std::string& sandbox, Reply<core::SandboxInfo> reply, const std::string& by = {});
  void stop(const std::string& sandbox, core::StopRequest request, Reply<core::SandboxInfo> reply,
            const std::string& by = {});
  void extend(const std::string& sandbox, core::ExtendRequest request, Reply<core::SandboxInfo> reply,
              const std::string& by = {});
  void kill(const std::string& sandbox, core::KillRequest request, StatusReply reply);
  void pause(const std::string& sandbox, Reply<core::SandboxInfo> reply, const std::string& by = {});
  void resume(const std::string& sandbox, Reply<core::SandboxInfo> reply, const std::string& by = {});
  void remove(const std::string& sandbox, bool force, StatusReply reply, const std::string& by = {});
  base::Result<core::SandboxInfo> rename(std::string_view sandbox, const core::RenameRequest& request,
                                         const std::string& by = {});
  base::Result<core::SandboxInfo> change_network(std::string_view sandbox, const core::NetworkRequest& request);
  core::Subscription wait(const std::string& sandbox, Reply<core::Outcome> reply);
  // Runs `command` inside and hands its streams to `client`: for what Hydravisor itself asks inside (probes).
  base::Status exec_inside(const std::string& sandbox, const core::Command& command, runtime::ClientSocket client);

  // A running sandbox made like this one, or like one that the request would make, in which nothing runs; without
  // `layer` where the probes' negative controls want it so. Whoever asked removes it.
  void start_twin(const std::string& sandbox, std::optional<core::Layer> layer, Reply<Twin> reply);
  void start_twin(core::RunRequest request, Reply<Twin> reply);

  std::vector<core::SandboxInfo> list(const core::SandboxFilter& filter) const;
  // Those with processes inside. Any thread.
  std::vector<SandboxView> running() const;
  base::Result<SandboxView> find(std::string_view sandbox) const override;
  // Adds what is shown of its rules of behavior. Any thread.
  void describe_behavior(core::SandboxInfo& info) const;

 private:
  using Pointer = std::shared_ptr<LiveSandbox>;
  base::Result<Pointer> look_up(std::string_view sandbox) const;
  base::Result<Pointer> make(core::RunRequest request, bool remove_when_done);
  Planned<LaunchPlan> plan(const LiveSandbox& sandbox, images::PathSearch& search);
  // Calls `then` with the plan: within this call, unless something large has to be looked through for it, which is not
  // done on the loop.
  using Then = std::function<void(Planned<LaunchPlan>)>;
  void plan_then(const Pointer& sandbox, Then then, std::shared_ptr<images::PathSearch> search = nullptr);
  base::Status check_name_is_free(const LiveSandbox& sandbox) const;
  void keep_created(const Pointer& sandbox, Planned<LaunchPlan> planned, bool start, const Proven& proof,
                    Reply<core::SandboxInfo> reply);
  void begin_run(const Pointer& sandbox, Planned<LaunchPlan> planned, Handover& handover, const Proven& proof);
  void start_proven(const std::string& sandbox, const Proven& proof, Reply<core::SandboxInfo> reply,
                    const std::string& by = {});
  base::Result<std::optional<uint64_t>> check_proof(const LiveSandbox& sandbox, const LaunchPlan& plan,
                                                    const Proven& proof) const;
  base::Status take_over(LiveSandbox& sandbox, const LaunchPlan& plan);
  base::Status launch(const Pointer& sandbox, LaunchPlan plan, const runtime::ClientSocket* client,
                      std::optional<uint64_t> proof);
  base::Result<runtime::SupervisorLink> take_supervisor(const LaunchPlan& plan);
  void refill_spare();
  void prepare_spare(runtime::SupervisorLink link);
  void drop_spare();
  std::vector<core::IdRange> used_ranges() const;
  void listen_to(const Pointer& sandbox);
  void on_message(const Pointer& sandbox);
  void on_launched(LiveSandbox& sandbox, const shimwire::Launched& launched);
  void on_foreign(LiveSandbox& sandbox, uint32_t protocol);
  void kill_supervisor(const LiveSandbox& sandbox);
  // Once it has had `grace` to end, and a margin.
  void kill_supervisor_after(const Pointer& sandbox, std::chrono::milliseconds grace);
  void on_ended(const Pointer& sandbox, const shimwire::Ended& ended);
  void on_lost(const Pointer& sandbox);
  void settle(const Pointer& sandbox, core::Outcome outcome, bool workspace_changed);
  void on_gone(const Pointer& sandbox);
  void when_gone(const Pointer& sandbox, std::function<void()> task);
  // Runs `task` on the loop once no workspace operation is under way; it looks at everything anew.
  void when_free(const std::string& id, std::function<void()> task);
  void clean_up(LiveSandbox& sandbox);
  // Once nothing of it runs any more.
  void record_files(const Pointer& sandbox);
  void forget_if_empty(const Pointer& sandbox);
  void forget_if_unwanted(const Pointer& sandbox);
  void finish_removal(const Pointer& sandbox);
  base::Status record_removal(LiveSandbox& sandbox, const std::string& principal);
  void erase_unasked(const Pointer& sandbox);
  // The sandbox is gone for everybody at once; `reply` comes when its files are.
  void erase(const Pointer& sandbox, const std::string& principal, StatusReply reply);
  void remove_later(std::string directory, StatusReply reply);
  // Reads from the spool into the ledger; true when there may be more. Bounded, because a sandbox can fill its spool
  // faster than the ledger takes it, and the loop serves everybody. What stands in the way is in the sandbox.
  bool ingest(LiveSandbox& sandbox);
  // The parts of it, which the looks by the clock are made of too. A spool that is not there yet is not open.
  bool open_spool(LiveSandbox& sandbox);
  struct Gathered {
    bool more = false;
    std::optional<base::Error> damage;
  };
  // Adds the next events that the ledger does not have, some dozens at most; not `to_the_end`, what one read brings.
  Gathered gather(LiveSandbox& sandbox, std::vector<core::Event>& events, bool to_the_end);
  // Once they were recorded, or not: whether to read on.
  bool gathered(LiveSandbox& sandbox, Gathered what, std::span<const core::Event> events,
                const base::Result<uint64_t>& first);
  // Where records come all the time they are read by the clock: life_cycle_looks.cc.
  void on_announced(const Pointer& sandbox);
  void look_later();
  void look();
  bool end_looks(LiveSandbox& sandbox);
  // All of it, at once. Fails when there is something that the ledger does not have and could take.
  base::Status read_out(LiveSandbox& sandbox);
  // Records what has happened, now or, in order, as soon as the ledger takes it: nothing can hold it back any more.
  void record_afterwards(const Pointer& sandbox, std::string kind, base::json::Object payload, core::Risk risk);
  void say_unsaid(const Pointer& sandbox);
  // Freezes what cannot be recorded, and lets it go on when it can.
  void judge_record(const Pointer& sandbox);
  void begin_frozen(LiveSandbox& sandbox, const std::string& reason);
  base::Status end_frozen(LiveSandbox& sandbox);
  base::Status end_damaged(LiveSandbox& sandbox);
  // Thaws what is frozen for its record, to be stopped.
  base::Status release(LiveSandbox& sandbox);
  // Reads all of it, giving the loop its turn in between; `then` runs at the end, perhaps within this call.
  void keep_reading(const Pointer& sandbox);
  void when_read(const Pointer& sandbox, std::function<void()> then);
  base::Status freeze(const Pointer& sandbox, bool frozen, const std::string& by = {});

  void watch_hours(const Pointer& sandbox, bool again = false);
  std::shared_ptr<behavior::History> history_of(const std::string& agent);
  base::Status open_behavior(LiveSandbox& sandbox);
  void show_behavior(LiveSandbox& sandbox);
  base::Status record_firings(LiveSandbox& sandbox);
  void respond(const Pointer& sandbox, const behavior::Firing& firing);
  base::Status throttle(const Pointer& sandbox, const behavior::Firing& firing);
  base::Status set_throttle(LiveSandbox& sandbox, core::Response response);
  void lift_throttle_later(const Pointer& sandbox, core::Response response);
  void take_up_throttles(const Pointer& sandbox);
  base::Status isolate(LiveSandbox& sandbox, const std::string& rule);
  base::Status kill_by_rule(const Pointer& sandbox, const core::BehaviorRule& rule);

  core::Event event_of(const LiveSandbox& sandbox, std::string kind, base::json::Object payload, core::Risk risk) const;
  base::Status record(const LiveSandbox& sandbox, std::string kind, base::json::Object payload = {},
                      core::Risk risk = core::Risk::info, const std::string& by = {});
  base::Status write(const core::Event& event);
  void set_state(LiveSandbox& sandbox, core::SandboxState state);
  void save(const LiveSandbox& sandbox);
  void reply_started(LiveSandbox& sandbox, const base::Result<core::SandboxInfo>& result);
  void reply_stopped(LiveSandbox& sandbox);

  Collaborators with_;
  mutable std::mutex mutex_;                                             // guards the map and every `stored.info` in it
  std::map<std::string, Pointer, std::less<>> sandboxes_;                // by id
  std::map<std::string, std::shared_ptr<behavior::History>> histories_;  // by agent
  std::optional<SpareSupervisor> spare_;
  bool spare_begins_ = false;                    // systemd is making its scope
  std::optional<core::Groundwork> last_ground_;  // of the last start: what the spare is prepared for
  const base::Fd* last_user_namespace_ = nullptr;
  base::Subscription spare_timer_;
  std::vector<std::weak_ptr<LiveSandbox>> by_clock_;
  std::vector<core::Event> looked_;  // kept for its memory only
  base::Subscription next_look_;
};

}  // namespace hv::service
