// User and group ids of a sandbox: which ids of the host may be mapped, the maps, and writing them. user_namespaces(7),
// subuid(5).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "core/launch.h"

namespace hv::isolation {

// A stretch of host ids.
struct SubordinateRange {
  uint32_t first = 0;
  uint32_t count = 0;
  bool operator==(const SubordinateRange&) const = default;
};

// The ranges that the text of /etc/subuid or /etc/subgid gives to a user, who may be named or numbered there. Lines of
// another form are passed over, as newuidmap(1) does.
std::vector<SubordinateRange> subordinate_ranges(std::string_view text, std::string_view user, uint32_t uid);

// Where the system keeps what this module reads; tests put their own there.
struct IdSources {
  std::string subuid = "/etc/subuid";
  std::string subgid = "/etc/subgid";
  std::string passwd = "/etc/passwd";
  std::string group = "/etc/group";
  std::vector<std::string> program_directories{"/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin"};
};

struct IdMaps {
  std::vector<core::IdRange> uids;
  std::vector<core::IdRange> gids;
  std::string newuidmap;  // the programs that write a map of several ranges; empty: the maps hold one id each
  std::string newgidmap;
  std::string degradation;  // why only one id is mapped, with what to do about it; empty when a range is
  bool single() const { return newuidmap.empty() && !degradation.empty(); }
};

// For a user without privilege: the own ids map to themselves and the others of 0..65535 to subordinate ids, as many as
// there are. Without newuidmap, newgidmap or subordinate ids the own ids alone.
IdMaps rootless_maps(std::string_view user, uint32_t uid, uint32_t gid, const IdSources& sources = {});
// The map of one id onto itself and of the rest of 0..65535 onto `ranges`, in order.
std::vector<core::IdRange> range_map(uint32_t own_id, std::span<const SubordinateRange> ranges);

// What systemd sets aside for containers.
inline constexpr uint32_t kRootRangeFirst = 524288;
inline constexpr uint32_t kRootRangeEnd = 1878982656;

// For root: 65,536 ids of that range, beginning at a
// multiple of 65,536, that no user, group, subordinate range or `used` range touches. `seed` chooses where the search
// begins, so that sandboxes do not share by habit. unavailable when all are taken.
base::Result<core::IdRange> choose_root_range(uint64_t seed, std::span<const core::IdRange> used,
                                              const IdSources& sources = {});

// A user namespace with these maps, owned by the caller and kept alive by the descriptor alone; whoever enters it by
// setns(2) has every capability in it. A range is written by newuidmap and newgidmap, which takes milliseconds: made
// once, when the daemon starts, and shared by its supervisors.
base::Result<base::Fd> make_rootless_namespace(const IdMaps& maps);

}  // namespace hv::isolation
