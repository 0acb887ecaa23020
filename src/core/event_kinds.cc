#include "core/event_kinds.h"

#include <algorithm>
#include <array>

namespace hv::core {

namespace {

// class_uid: the category's number, then the class's.
constexpr uint32_t kFile = 1001;
constexpr uint32_t kKernel = 1003;
constexpr uint32_t kProcess = 1007;
constexpr uint32_t kEventLog = 1008;
constexpr uint32_t kCompliance = 2003;
constexpr uint32_t kDetection = 2004;
constexpr uint32_t kAccount = 3001;
constexpr uint32_t kAuthentication = 3002;
constexpr uint32_t kNetwork = 4001;
constexpr uint32_t kHttp = 4002;
constexpr uint32_t kDns = 4003;
constexpr uint32_t kApplication = 6002;
constexpr uint32_t kApi = 6003;
constexpr uint32_t kOther = 99;

constexpr std::array kKinds{
    EventKind{"access.allowed", kApi, kOther},
    EventKind{"access.denied", kApi, kOther},
    EventKind{"behavior.failed", kDetection, 1},
    EventKind{"behavior.fired", kDetection, 1},
    EventKind{"behavior.lifted", kDetection, 3},
    EventKind{"call.denied", kKernel, 4},
    EventKind{"daemon.reaped", kApplication, kOther},
    EventKind{"daemon.reaping", kApplication, kOther},
    EventKind{"daemon.started", kApplication, 3},
    EventKind{"daemon.stopped", kApplication, 4},
    EventKind{"exec.exited", kProcess, 2},
    EventKind{"exec.observed", kProcess, 1},
    EventKind{"exec.repeated", kProcess, 1},
    EventKind{"exec.requested", kProcess, 1},
    EventKind{"exec.started", kProcess, 1},
    EventKind{"file.created", kFile, 1},
    EventKind{"file.deleted", kFile, 4},
    EventKind{"file.mode", kFile, 6},
    EventKind{"file.modified", kFile, 3},
    EventKind{"file.owner", kFile, 6},
    EventKind{"file.renamed", kFile, 5},
    EventKind{"home.removed", kFile, 4},
    EventKind{"home.removing", kFile, kOther},
    EventKind{"host_port.closed", kNetwork, 2},
    EventKind{"host_port.connected", kNetwork, 1},
    EventKind{"ledger.key_rotated", kEventLog, 5},
    EventKind{"ledger.payload_deleted", kEventLog, 2},
    EventKind{"ledger.pruned", kEventLog, 2},
    EventKind{"ledger.recovered", kEventLog, kOther},
    EventKind{"network.changed", kApplication, kOther},
    EventKind{"network.closed", kNetwork, 2},
    EventKind{"network.connection", kNetwork, 1},
    EventKind{"network.denied", kNetwork, 5},
    EventKind{"network.dns", kDns, 1},
    EventKind{"network.request", kHttp, kOther},
    EventKind{"policy.writing", kApplication, kOther},
    EventKind{"principal.refused", kAuthentication, 1},
    EventKind{"probe.finished", kCompliance, 1},
    EventKind{"probe.proof", kCompliance, 1},
    EventKind{"process.exited", kProcess, 2},
    EventKind{"process.unfollowed", kProcess, kOther},
    EventKind{"sandbox.created", kApplication, 1},
    EventKind{"sandbox.extended", kApplication, kOther},
    EventKind{"sandbox.frozen", kApplication, kOther},
    EventKind{"sandbox.limit_near", kApplication, kOther},
    EventKind{"sandbox.limit_reached", kApplication, kOther},
    EventKind{"sandbox.network_lost", kApplication, kOther},
    EventKind{"sandbox.paused", kApplication, kOther},
    EventKind{"sandbox.removed", kApplication, 2},
    EventKind{"sandbox.renamed", kApplication, kOther},
    EventKind{"sandbox.resumed", kApplication, kOther},
    EventKind{"sandbox.started", kApplication, 3},
    EventKind{"sandbox.starting", kApplication, 3},
    EventKind{"sandbox.stopped", kApplication, 4},
    EventKind{"sandbox.stopping", kApplication, 4},
    EventKind{"sandbox.thawed", kApplication, kOther},
    EventKind{"state.migrated", kApplication, 8},
    EventKind{"token.created", kAccount, 1},
    EventKind{"token.revoked", kAccount, 6},
    EventKind{"workspace.applied", kFile, 3},
    EventKind{"workspace.applying", kFile, kOther},
    EventKind{"workspace.conflict", kFile, kOther},
    EventKind{"workspace.diffed", kFile, 2},
    EventKind{"workspace.discarded", kFile, 4},
    EventKind{"workspace.discarding", kFile, kOther},
    EventKind{"workspace.failed", kFile, kOther},
    EventKind{"workspace.not_kept", kFile, kOther},
    EventKind{"workspace.recovered", kFile, 3},
    EventKind{"workspace.recovering", kFile, kOther},
    EventKind{"workspace.synced", kFile, 3},
    EventKind{"workspace.syncing", kFile, kOther},
    EventKind{"workspace.undoing", kFile, kOther},
    EventKind{"workspace.undone", kFile, 3},
    EventKind{"workspace.unlisted", kFile, kOther},
    EventKind{"workspace.unseen", kFile, kOther},
    EventKind{"workspace.unwatched", kFile, kOther},
};
static_assert(std::ranges::is_sorted(kKinds, {}, &EventKind::name));

}  // namespace

std::span<const EventKind> event_kinds() {
  return kKinds;
}

const EventKind* find_event_kind(std::string_view name) {
  auto found = std::ranges::lower_bound(kKinds, name, {}, &EventKind::name);
  return found != kKinds.end() && found->name == name ? &*found : nullptr;
}

}  // namespace hv::core
