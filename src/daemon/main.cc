// hydravisord: one per user, started on demand by the first command that needs it, or by systemd. Wiring only.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/book.h"
#include "access/token_store.h"
#include "api/server.h"
#include "api/worker_pool.h"
#include "audit/ledger.h"
#include "base/rollback.h"
#include "base/scheduling.h"
#include "base/unix_socket.h"
#include "base/version.h"
#include "config/config.h"
#include "core/paths.h"
#include "daemon/activation.h"
#include "daemon/ledger_check.h"
#include "daemon/own_program.h"
#include "http/loop.h"
#include "index/index.h"
#include "service/daemon_service.h"
#include "service/payload_life.h"
#include "service/proof_subject.h"
#include "service/redaction_book.h"
#include "service/retention.h"
#include "store/state_format.h"

extern char** environ;

namespace hv::daemon {

namespace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr ? value : "";
}

Result<core::Paths> own_paths() {
  core::PathInputs inputs;
  inputs.uid = ::getuid();
  inputs.home = variable("HOME");
  inputs.xdg_config_home = variable("XDG_CONFIG_HOME");
  inputs.xdg_state_home = variable("XDG_STATE_HOME");
  inputs.xdg_runtime_dir = variable("XDG_RUNTIME_DIR");
  return core::find_paths(inputs);
}

// Of the ledger's housekeeping: a segment every few seconds is more than any machine records.
constexpr std::chrono::seconds kBetweenSteps{2};
constexpr std::chrono::seconds kBetweenLooks{60};
// Repeated denials in it are one record.
constexpr std::chrono::seconds kBetweenDenials{1};

std::string user_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : "user";
}

std::string user_home() {
  if (std::string home = variable("HOME"); home.starts_with('/')) return home;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_dir : "";
}

// Held as long as this daemon lives: of two that start at once, one serves and the other says so.
Result<Fd> take_lock(const core::Paths& paths) {
  Fd lock = HV_TRY(base::open_file(paths.runtime + "/daemon.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  // One that was told to stop has closed its socket and may still be sealing its ledger: a moment's patience.
  for (int attempt = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == 500)
      return Failure(base::conflict("another hydravisord serves " + paths.socket)
                         .with_hint("its state: hydravisor daemon status"));
    ::poll(nullptr, 0, 10);
  }
  return lock;
}

Status make_directories(const core::Paths& paths) {
  for (const std::string& path : {paths.state, paths.runtime, paths.sandboxes, paths.homes, paths.ledger, paths.cache})
    HV_TRY(base::make_directories(path, 0700));
  return {};
}

core::Event daemon_event(const char* kind) {
  core::Event event;
  event.kind = kind;
  event.principal = "system";
  event.payload["version"] = base::kVersion;
  event.payload["pid"] = ::getpid();
  return event;
}

core::Event migration_event(const store::Migration& migration) {
  core::Event event = daemon_event("state.migrated");
  event.payload["from"] = migration.from;
  event.payload["to"] = store::kStateFormat;
  event.payload["backup"] = migration.backup;
  for (const std::string& problem : migration.problems)
    std::fprintf(stderr, "hydravisord: left as it is: %s\n", problem.c_str());
  return event;
}

struct Ending {
  std::string become;  // the program to become; empty: end
  Fd activated;        // the service manager's socket, when it gave us one
};

// Everything in the order of its dependence; what is made last goes first.
Result<Ending> serve(Fd start_lock) {
  auto began = std::chrono::system_clock::now();
  core::Paths paths = HV_TRY(own_paths());
  Ending ending;
  ending.activated = HV_TRY(take_activated_socket(paths.socket));
  // A newer version's directory is not even looked for a place for our own.
  HV_TRY(store::read_state_format(paths));
  HV_TRY(make_directories(paths));
  Fd lock = HV_TRY(take_lock(paths));
  start_lock.close();
  std::optional<store::Migration> migration = HV_TRY(store::migrate_state(paths));
  std::string directory = HV_TRY(own_directory());

  // A sampled sandbox takes some ten descriptors, and shells allow a thousand.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65536);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }

  // Blocked before any thread exists, so that every thread inherits it and only the loop learns of signals.
  sigset_t signals_to_end;
  ::sigemptyset(&signals_to_end);
  ::sigaddset(&signals_to_end, SIGTERM);
  ::sigaddset(&signals_to_end, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals_to_end, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);

  audit::Ledger::Options ledger_options;
  ledger_options.directory = paths.ledger;
  service::RedactionBook redactions;
  ledger_options.redaction = [&](const std::string& sandbox) { return redactions.of(sandbox); };
  base::Result<std::unique_ptr<audit::Ledger>> opened = audit::Ledger::open(ledger_options);
  if (!opened) return Failure(cannot_open_ledger(std::move(opened).error()));
  std::unique_ptr<audit::Ledger> ledger = *std::move(opened);
  if (auto index = ledger->record(daemon_event("daemon.started")); !index) return Failure(std::move(index).error());
  if (migration)
    if (auto index = ledger->record(migration_event(*migration)); !index) return Failure(std::move(index).error());

  // Before the loop: what it still has to do at the end may hold one.
  service::SandboxLocks locks;
  http::Loop loop;
  api::WorkerPool pool(2);
  // Apart from the pool, whose tasks wait for sandboxes that are held for a search.
  api::WorkerPool searches(1, 16);
  std::atomic<bool> is_ending = false;
  service::Cgroups cgroups = service::find_cgroups(directory + "/hydravisor-supervisor", ::getuid());
  if (!cgroups.obstacle.empty()) std::fprintf(stderr, "hydravisord: %s\n", cgroups.obstacle.c_str());
  service::Planner planner({paths, directory, ::getuid(), user_name(), cgroups.layout});
  service::WorkspaceCases* workspaces_later = nullptr;
  service::PayloadLife* payload_life_later = nullptr;
  std::string principal = "user:" + std::to_string(::getuid());
  // A full queue runs the task here: late is better than never.
  auto later = [&](std::function<void()> task) {
    if (!pool.submit(task)) task();
  };
  service::ProofCases proofs(
      {loop, *ledger, base::system_clock(), paths.cache + "/proofs", principal, later,
       [&](const std::string& policy) { return service::subject_of_policy(paths.policies, policy); }});
  service::LifeCycle life(
      {loop, *ledger, planner, locks, proofs, store::SandboxStore(paths.sandboxes), cgroups.supervisors,
       paths.state + "/behavior", std::move(cgroups.first),
       [&](const std::string& sandbox) {
         auto changes = workspaces_later->count_changes(sandbox);
         // What cannot be counted is kept.
         return !changes || *changes != 0;
       },
       // A failure is recorded, and what is due stays due.
       [&](const std::string& sandbox) { static_cast<void>(workspaces_later->record_files(sandbox)); }, redactions,
       [&](const std::string& sandbox, const std::string& policy, uint64_t millis) {
         return payload_life_later->note(sandbox, policy, millis);
       },
       later,
       [&](std::function<void()> task) {
         return searches.submit([&, task = std::move(task)] {
           if (!is_ending) task();
         });
       }});
  access::Book book(paths.access_file, ::getuid());
  access::TokenStore tokens(paths.tokens);
  base::Subscription next_flush;
  service::Denials denials(
      *ledger, [&] { loop.post([&] { next_flush = loop.after(kBetweenDenials, [&] { denials.flush(); }); }); });
  service::Gate gate({book, tokens, *ledger, denials, life, base::system_clock()});
  service::AccessCases access(book, tokens, *ledger, life, base::system_clock());
  service::WorkspaceCases workspaces(
      life, *ledger, locks,
      {.worker = directory + "/hydravisor-worker",
       .principal = principal,
       .home = user_home(),
       .config_home = variable("XDG_CONFIG_HOME"),
       .last_sequence = [&](const std::string& spool) { return ledger->last_sequence(spool); }});
  workspaces_later = &workspaces;
  index::Index index({paths.ledger, paths.ledger + "/index", [&] { return ledger->standing().durable; }});
  ledger->on_durable([&] { index.wake(); });
  // The ledger outlives the index.
  base::Rollback silence;
  silence.add([&] { ledger->on_durable({}); });
  service::AuditCases audit(*ledger, index, life, principal);
  service::Retention retention(
      {*ledger,
       [&]() -> Result<service::Retention::Rules> {
         // No variables: the daemon's are of another time, and a command's say nothing here.
         config::Config config = HV_TRY(config::load({paths.system_config_file, paths.config_file, {}}));
         return service::Retention::Rules{config.keep_payloads, config.keep_records, config.keep_bytes};
       },
       [&](base::WallTime time) { return audit.first_since(time); }});
  service::PayloadLife payload_life({paths.state + "/retention", *ledger,
                                     [&](base::WallTime time) { return audit.first_since(time); },
                                     [&](const std::string& sandbox, uint64_t from, uint64_t before) {
                                       return audit.first_payload_of(sandbox, from, before);
                                     },
                                     [&](const std::string& sandbox) { return life.find(sandbox).has_value(); }});
  payload_life_later = &payload_life;
  if (!payload_life.problem().empty()) std::fprintf(stderr, "hydravisord: %s\n", payload_life.problem().c_str());
  // One step at a time, on the pool; a minute apart when there was nothing to do.
  std::string why_not;
  base::Subscription next_look;
  std::function<void()> keep_house = [&] {
    bool taken = pool.submit([&] {
      Result<bool> more = retention.step();
      if (Result<bool> life_over = payload_life.step(); !life_over || *life_over)
        more = !more ? std::move(more) : std::move(life_over);
      std::string failure = more ? std::string() : more.error().text();
      if (failure != why_not && !failure.empty())
        std::fprintf(stderr, "hydravisord: keep the ledger's house: %s\n", failure.c_str());
      why_not = failure;
      // What answers and packing took in every thread's own part of the heap. malloc_trim(3)
      if (!more.value_or(false)) ::malloc_trim(0);
      loop.post([&, wait = more.value_or(false) ? kBetweenSteps : kBetweenLooks] {
        next_look = loop.after(wait, keep_house);
      });
    });
    if (!taken) next_look = loop.after(kBetweenLooks, keep_house);
  };
  next_look = loop.after(kBetweenLooks, keep_house);
  service::CatalogCases catalog(
      {paths.policies, paths.agents, paths.homes}, [&] { return life.list({}); }, *ledger, principal);
  service::PolicyCases policies(paths.policies, [&] { return planner.machine(); }, audit, *ledger, principal);
  service::ProbeCase probes(
      {loop, life, *ledger,
       [&](const std::string& sandbox, const core::Command& command, runtime::ClientSocket client) {
         return life.exec_inside(sandbox, command, std::move(client));
       },
       [&](const std::string& sandbox, std::optional<core::Layer> without, service::Reply<service::Twin> reply) {
         life.start_twin(sandbox, without, std::move(reply));
       },
       [&](const core::RunRequest& request, service::Reply<service::Twin> reply) {
         life.start_twin(request, std::move(reply));
       },
       [&](const std::string& id) { life.remove(id, true, [](const base::Status&) {}); },
       [&](const std::string& sandbox, const core::Proof& proof, service::Reply<uint64_t> reply) {
         proofs.sign(sandbox, proof, std::move(reply));
       },
       paths.runtime, principal});
  isolation::MachineSources machine;
  machine.user = user_name();
  machine.uid = ::getuid();
  machine.gid = ::getgid();
  machine.apparmor_profile = own_apparmor_profile(directory);
  machine.cgroups.uid = machine.uid;
  machine.cgroups.scope = cgroups.scope;
  machine.layout = cgroups.layout;
  service::Leftovers leftovers(*ledger, {paths, cgroups.layout, began, [&](const std::string& id) {
                                           auto known = life.find(id);
                                           return known && known->info.state != core::SandboxState::created &&
                                                  known->info.state != core::SandboxState::stopped;
                                         }});
  service::DoctorCase doctor(
      {paths, directory, machine, [&] { return ledger->standing().failure; }, [&] { return leftovers.find(); }});
  service::LogCases logs(life, loop);
  service::UsageCases usage([&] { return life.running(); }, paths.sandboxes, loop);

  core::DaemonInfo info;
  info.version = base::kVersion;
  info.pid = ::getpid();
  auto stop_soon = [&] { loop.post([&] { loop.stop(); }); };
  service::DaemonService::Parts parts{life,
                                      workspaces,
                                      audit,
                                      catalog,
                                      policies,
                                      probes,
                                      proofs,
                                      doctor,
                                      leftovers,
                                      access,
                                      logs,
                                      usage,
                                      info,
                                      stop_soon,
                                      [&](const std::string& program) {
                                        ending.become = program;
                                        stop_soon();
                                      }};
  service::Entrance entrance =
      [&](const service::Credentials& credentials) -> Result<std::shared_ptr<service::Service>> {
    return std::make_shared<service::DaemonService>(parts, HV_TRY(gate.enter(credentials)));
  };
  HV_TRY(life.reconcile());
  // What a daemon or a supervisor that was killed left, while everything else goes on.
  static_cast<void>(pool.submit([&] { static_cast<void>(leftovers.reap("system")); }));
  // What an apply that a crash cut short left half-done is taken back before anybody asks.
  for (const core::SandboxInfo& sandbox : life.list({}))
    if (base::Status recovered = workspaces.recover(sandbox.id); !recovered)
      std::fprintf(stderr, "hydravisord: recover the workspace of %s: %s\n", sandbox.name.c_str(),
                   recovered.error().text().c_str());

  // The service manager's socket is its own to make and to remove.
  if (!ending.activated) ::unlink(paths.socket.c_str());
  Fd listener = HV_TRY(ending.activated ? ending.activated.duplicate() : base::listen_unix(paths.socket, SOCK_STREAM));
  api::ServerOptions server_options;
  server_options.admits = [&](const base::PeerCredentials& peer) { return gate.admits(peer.uid); };
  server_options.refused = [&](const base::PeerCredentials& peer) {
    core::Event event = daemon_event("principal.refused");
    event.risk = core::Risk::high;
    event.payload["uid"] = peer.uid;
    denials.add(std::move(event));
  };
  {
    api::Server server(loop, std::move(listener), entrance, server_options);
    Fd signals(::signalfd(-1, &signals_to_end, SFD_CLOEXEC | SFD_NONBLOCK));
    base::Subscription on_signal = loop.watch(signals.get(), base::Reactor::Interest::readable, [&] { loop.stop(); });
    // However many programs the agents run, what they do is read and answered.
    base::ask_for_short_slices();
    loop.run();
    if (!ending.activated) ::unlink(paths.socket.c_str());
  }
  is_ending = true;
  searches.finish();
  pool.finish();
  denials.flush();
  static_cast<void>(ledger->record(daemon_event("daemon.stopped")));
  return ending;
}

// Packing a segment and reading many records take megabytes for a moment. Left to itself the allocator raises the size
// from which it gives them back at once, up to 32 MiB, and keeps them. mallopt(3)
void give_large_memory_back() {
  constexpr int kLarge = 256 << 10;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
}

int run(int argc, char** argv) {
  give_large_memory_back();
  std::string_view argument = argc > 1 ? argv[1] : "";
  if (argument == "--version") {
    std::printf("hydravisord %s\n", std::string(base::kVersion).c_str());
    return 0;
  }
  if (argument == "--print-routes") {
    std::fputs(api::print_routes().c_str(), stdout);
    return 0;
  }
  std::vector<std::string_view> rest(argv + std::min(argc, 2), argv + argc);
  if (argument == "--check-bundle") return check_bundle(rest);
  if (argument == "--verify-ledger" || argument == "--witness-ledger") {
    Result<core::Paths> paths = own_paths();
    if (paths) return argument == "--verify-ledger" ? verify_ledger(*paths, rest) : witness_ledger(*paths, rest);
    std::fprintf(stderr, "hydravisord: %s\n", paths.error().text().c_str());
    return 125;
  }
  Fd start_lock;
  // Of the front end that starts us, which may be killed meanwhile: see client::hold_off_starts().
  if (argc == 2 && argument == "--starting") {
    start_lock = Fd(3);
    ::fcntl(start_lock.get(), F_SETFD, FD_CLOEXEC);
  } else if (argc > 1) {
    std::fputs(
        "usage: hydravisord [--version | --print-routes | --verify-ledger [--key KEY] [--checkpoint FILE] [--witness "
        "DIR] |\n"
        "                    --check-bundle FILE [--key KEY] | --witness-ledger DIR|URL [--key KEY] [--ca "
        "FILE]]\nServes until "
        "SIGTERM. It is "
        "started on "
        "demand; by hand: "
        "hydravisor daemon run\n",
        stderr);
    return argument == "--help" ? 0 : 2;
  }
  ::umask(077);
  Result<Ending> ending = serve(std::move(start_lock));
  if (!ending) {
    std::fprintf(stderr, "hydravisord: %s\n", ending.error().text().c_str());
    return 125;
  }
  if (ending->become.empty()) return 0;
  if (ending->activated)
    if (Status handed = hand_on(ending->activated); !handed)
      std::fprintf(stderr, "hydravisord: %s\n", handed.error().text().c_str());
  char* arguments[] = {ending->become.data(), nullptr};
  ::execve(ending->become.c_str(), arguments, environ);
  std::fprintf(stderr, "hydravisord: become %s: %s\n", ending->become.c_str(), ::strerrordesc_np(errno));
  return 125;
}

}  // namespace

}  // namespace hv::daemon

int main(int argc, char** argv) {
  return hv::daemon::run(argc, argv);
}
