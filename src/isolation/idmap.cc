#include "isolation/idmap.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/process.h"
#include "base/text.h"

namespace hv::isolation {
namespace {

using base::Failure;
using core::IdRange;

constexpr uint32_t ids_inside = 65536;

bool parse_id(std::string_view text, uint32_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::string read_or_empty(const std::string& path) {
  auto text = base::read_file(path, size_t{16} << 20);
  return text ? std::move(*text) : std::string();
}

std::string find_program(std::string_view name, const IdSources& sources) {
  for (const std::string& directory : sources.program_directories) {
    std::string path = directory + "/" + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// Every stretch of host ids that somebody has a name or a claim for.
void add_claims(std::vector<SubordinateRange>& claims, const std::string& path, size_t first_field,
                size_t count_field) {
  for (const std::string& line : base::split(read_or_empty(path), '\n')) {
    std::vector<std::string> fields = base::split(line, ':');
    SubordinateRange claim{.first = 0, .count = 1};
    if (fields.size() <= std::max(first_field, count_field) || !parse_id(fields[first_field], claim.first)) continue;
    if (count_field != first_field && !parse_id(fields[count_field], claim.count)) continue;
    claims.push_back(claim);
  }
}

std::string command_that_installs_map_programs(const IdSources& sources) {
  struct Manager {
    const char* program;
    const char* command;
  };
  constexpr Manager kManagers[] = {{"apt-get", "apt-get install uidmap"},
                                   {"dnf", "dnf install shadow-utils"},
                                   {"pacman", "pacman -S shadow"},
                                   {"zypper", "zypper install shadow"},
                                   {"apk", "apk add shadow-uidmap"}};
  for (const Manager& manager : kManagers)
    if (!find_program(manager.program, sources).empty())
      return base::format("as root: {}; then: hydravisor daemon stop", manager.command);
  return "install the package uidmap or shadow-utils; then: hydravisor daemon stop";
}

// Behind everybody's subordinate ids, from where useradd(8) begins: a range that two users share lets each signal the
// other's processes.
uint64_t first_unclaimed(const IdSources& sources) {
  std::vector<SubordinateRange> claims;
  add_claims(claims, sources.subuid, 1, 2);
  add_claims(claims, sources.subgid, 1, 2);
  uint64_t first = 100000;
  for (const SubordinateRange& claim : claims) first = std::max(first, uint64_t{claim.first} + claim.count);
  return first;
}

bool overlaps(uint64_t a_first, uint64_t a_count, uint64_t b_first, uint64_t b_count) {
  return a_first < b_first + b_count && b_first < a_first + a_count;
}

std::string map_text(std::span<const IdRange> ranges) {
  std::string text;
  for (const IdRange& range : ranges) text += base::format("{} {} {}\n", range.inside, range.outside, range.count);
  return text;
}

// The kernel takes a map in one write only.
base::Status write_proc(pid_t pid, std::string_view file, const std::string& text) {
  std::string path = base::format("/proc/{}/{}", pid, file);
  base::Fd fd = HV_TRY(base::open_file(path, O_WRONLY | O_CLOEXEC));
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return Failure(base::Error::from_errno(errno, "write", path));
  return {};
}

base::Status run_map_program(const std::string& program, pid_t pid, std::span<const IdRange> ranges) {
  base::CommandSpec command{
      .program = program, .arguments = {std::to_string(pid)}, .environment = {}, .working_directory = "/", .fds = {}};
  for (const IdRange& range : ranges)
    for (uint32_t number : {range.inside, range.outside, range.count})
      command.arguments.push_back(std::to_string(number));
  base::CommandOutput output = HV_TRY(base::run_command(std::move(command), {}, std::chrono::seconds(10), 4096));
  if (output.status.shell_code() != 0)
    return Failure(
        base::denied(base::format("{}: {}", program, base::printable(output.err)))
            .with_hint(
                "check the user's lines in /etc/subuid and /etc/subgid, and that the program is set-user-id root"));
  return {};
}

}  // namespace

std::vector<SubordinateRange> subordinate_ranges(std::string_view text, std::string_view user, uint32_t uid) {
  std::vector<SubordinateRange> ranges;
  std::string number = std::to_string(uid);
  for (const std::string& line : base::split(text, '\n')) {
    std::vector<std::string> fields = base::split(line, ':');
    if (fields.size() != 3 || (fields[0] != user && fields[0] != number) || fields[0].empty()) continue;
    SubordinateRange range;
    if (!parse_id(fields[1], range.first) || !parse_id(fields[2], range.count) || range.count == 0) continue;
    if (uint64_t{range.first} + range.count > UINT32_MAX) continue;
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<IdRange> range_map(uint32_t own_id, std::span<const SubordinateRange> ranges) {
  std::vector<IdRange> map{{own_id, own_id, 1}};
  uint32_t inside = 0;
  for (SubordinateRange range : ranges) {
    while (range.count > 0 && inside < ids_inside) {
      if (inside == own_id) {
        ++inside;
        continue;
      }
      // Up to the own id, which is taken, or to the end of what a sandbox knows.
      uint32_t stop = inside < own_id ? std::min(own_id, ids_inside) : ids_inside;
      uint32_t count = std::min(range.count, stop - inside);
      map.push_back({inside, range.first, count});
      inside += count;
      range.first += count;
      range.count -= count;
    }
  }
  std::ranges::sort(map, {}, &IdRange::inside);
  return map;
}

IdMaps rootless_maps(std::string_view user, uint32_t uid, uint32_t gid, const IdSources& sources) {
  IdMaps single{.uids = {{uid, uid, 1}}, .gids = {{gid, gid, 1}}, .newuidmap = {}, .newgidmap = {}, .degradation = {}};
  std::string newuidmap = find_program("newuidmap", sources);
  std::string newgidmap = find_program("newgidmap", sources);
  if (newuidmap.empty() || newgidmap.empty()) {
    single.degradation = base::format("only the user's own id is mapped: newuidmap and newgidmap are missing ({})",
                                      command_that_installs_map_programs(sources));
    return single;
  }
  auto uids = subordinate_ranges(read_or_empty(sources.subuid), user, uid);
  // Group ranges belong to users too: subgid(5).
  auto gids = subordinate_ranges(read_or_empty(sources.subgid), user, uid);
  if (uids.empty() || gids.empty()) {
    uint64_t first = first_unclaimed(sources);
    single.degradation = base::format(
        "only the user's own id is mapped: {0} has no line in {1} (as root: usermod --add-subuids {2}-{3} "
        "--add-subgids {2}-{3} {0}; then: hydravisor daemon stop)",
        base::printable(user), uids.empty() ? sources.subuid : sources.subgid, first, first + ids_inside - 1);
    return single;
  }
  return {.uids = range_map(uid, uids),
          .gids = range_map(gid, gids),
          .newuidmap = newuidmap,
          .newgidmap = newgidmap,
          .degradation = {}};
}

base::Result<IdRange> choose_root_range(uint64_t seed, std::span<const IdRange> used, const IdSources& sources) {
  std::vector<SubordinateRange> claims;
  add_claims(claims, sources.subuid, 1, 2);
  add_claims(claims, sources.subgid, 1, 2);
  add_claims(claims, sources.passwd, 2, 2);
  add_claims(claims, sources.group, 2, 2);
  for (const IdRange& range : used) claims.push_back({range.outside, range.count});

  constexpr uint64_t slots = (kRootRangeEnd - kRootRangeFirst) / ids_inside;
  for (uint64_t step = 0; step < slots; ++step) {
    uint64_t first = kRootRangeFirst + (seed + step) % slots * ids_inside;
    bool taken = std::ranges::any_of(
        claims, [&](const SubordinateRange& c) { return overlaps(first, ids_inside, c.first, c.count); });
    if (!taken) return IdRange{.inside = 0, .outside = static_cast<uint32_t>(first), .count = ids_inside};
  }
  return Failure(base::unavailable("choose the sandbox's ids: every range between 524288 and 1878982655 is taken")
                     .with_hint("remove sandboxes that are no longer needed, or lines of /etc/subuid"));
}

base::Result<base::Fd> make_rootless_namespace(const IdMaps& maps) {
  base::Pipe gate = HV_TRY(base::make_pipe());
  // The child makes system calls only: the caller may have threads.
  int write_end = gate.write_end.get();
  int read_end = gate.read_end.get();
  long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0)
    return Failure(
        base::Error::from_errno(errno, "make a user namespace").with_hint("`hydravisor doctor` shows what forbids it"));
  if (pid == 0) {
    char byte = 0;
    ::close(write_end);
    ssize_t none = ::read(read_end, &byte, 1);
    ::_exit(static_cast<int>(none));
  }
  auto child = static_cast<pid_t>(pid);
  auto mapped = [&]() -> base::Result<base::Fd> {
    if (maps.single()) {
      HV_TRY(write_proc(child, "setgroups", "deny"));
      HV_TRY(write_proc(child, "uid_map", map_text(maps.uids)));
      HV_TRY(write_proc(child, "gid_map", map_text(maps.gids)));
    } else {
      HV_TRY(run_map_program(maps.newuidmap, child, maps.uids));
      HV_TRY(run_map_program(maps.newgidmap, child, maps.gids));
    }
    return base::open_file(base::format("/proc/{}/ns/user", child), O_RDONLY);
  }();
  gate.write_end.close();
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  return mapped;
}

}  // namespace hv::isolation
