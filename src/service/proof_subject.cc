#include "service/proof_subject.h"

#include <algorithm>
#include <limits>

#include <sys/utsname.h>

#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "base/version.h"
#include "core/names.h"
#include "policy/catalog.h"
#include "shimwire/launch_codec.h"

namespace hv::service {

namespace {

std::string hex_digest(std::initializer_list<std::string_view> parts) {
  return base::to_hex(base::as_view(base::sha256(parts)));
}

void cut_prefix(std::string& path, const std::string& prefix) {
  if (!prefix.empty() && path.starts_with(prefix)) path.replace(0, prefix.size(), "@");
}

// The files that say what the sandbox is called.
bool says_the_name(const core::Mount& mount) {
  return mount.kind == core::Mount::Kind::file &&
         (mount.target.ends_with("/hostname") || mount.target.ends_with("/hosts"));
}

void make_comparable(std::vector<core::Mount>& mounts, const std::string& directory) {
  for (core::Mount& mount : mounts) {
    cut_prefix(mount.source, directory);
    cut_prefix(mount.upper, directory);
    if (says_the_name(mount)) mount.content.clear();
  }
}

}  // namespace

std::string policy_digest(const policy::Policy& policy) {
  const core::Limits& limits = policy.limits;
  // Sizes and times are described in rounded numbers.
  std::string exact;
  for (uint64_t value :
       {limits.memory_bytes, limits.pids, uint64_t{limits.cpu_millis}, limits.io_bytes, limits.open_files,
        limits.disk_bytes, limits.tmp_bytes, limits.wall_millis, limits.idle_millis})
    exact += std::to_string(value) + "\n";
  return hex_digest({"hydravisor policy\n", policy::describe(policy), exact});
}

std::string plan_digest(core::LaunchSpec spec) {
  spec.id.clear();
  spec.name.clear();
  spec.hostname.clear();
  spec.cgroups.clear();
  spec.command = {};
  spec.keep_alive = false;
  spec.log_path.clear();
  spec.proxy_environment.clear();
  // The later it starts the shorter it may run.
  spec.ends_in_millis = 0;
  spec.end_reason.clear();
  make_comparable(spec.ground.mounts, spec.state_directory);
  make_comparable(spec.mounts, spec.state_directory);
  for (std::string& directory : spec.counted) cut_prefix(directory, spec.state_directory);
  spec.state_directory.clear();
  // As root every sandbox has a range of the host's ids for itself.
  if (spec.ground.host_root)
    for (auto* map : {&spec.ground.uid_map, &spec.ground.gid_map})
      for (core::IdRange& range : *map) range.outside = 0;
  return hex_digest({"hydravisor plan\n", shimwire::encode(spec)});
}

std::vector<std::string> variant_of(const core::LaunchSpec& spec, const core::RunRequest& request) {
  std::vector<std::string> variant;
  if (spec.ground.allow_nested) variant.emplace_back("nested");
  if (request.rootfs) variant.emplace_back("rootfs");
  for (auto [layer, name] : core::Names<core::Layer>::table)
    if (core::skips(spec.ground, layer)) variant.push_back("without " + std::string(name));
  return variant;
}

std::string running_kernel() {
  utsname system{};
  if (::uname(&system) != 0) return "unknown";
  return base::printable(base::format("{} {} {} {}", system.sysname, system.release, system.version, system.machine));
}

std::string this_machine(const std::string& machine_id_file) {
  utsname system{};
  std::string id;
  if (auto text = base::read_file(machine_id_file)) id = *std::move(text);
  if (id.empty() && ::uname(&system) == 0) id = system.nodename;
  return hex_digest({"hydravisor machine\n", id}).substr(0, 32);
}

core::ProofSubject subject_now(const std::string& policy, std::string digest) {
  // Neither changes while this process lives.
  static const std::string kernel = running_kernel();
  static const std::string machine = this_machine();
  core::ProofSubject subject;
  subject.policy = policy;
  subject.policy_digest = std::move(digest);
  subject.kernel = kernel;
  subject.machine = machine;
  subject.version = base::kVersion;
  return subject;
}

base::Result<core::ProofSubject> subject_of_policy(const std::string& policies, const std::string& name) {
  policy::Policy policy = HV_TRY(policy::Catalog(policies).load(name));
  return subject_now(policy.name, policy_digest(policy));
}

std::string why_other(const core::ProofSubject& proven, const core::ProofSubject& wanted) {
  auto listed = [](const std::vector<std::string>& items) {
    return items.empty() ? std::string("the policy alone") : base::join(items, ", ");
  };
  if (proven.policy_digest != wanted.policy_digest) return "the policy says something else by now";
  if (proven.variant != wanted.variant)
    return base::format("it is about {}, and this is {}", listed(proven.variant), listed(wanted.variant));
  if (proven.machine != wanted.machine) return "it was made on another machine";
  if (proven.kernel != wanted.kernel)
    return base::format("it was made under the kernel {}, and this is {}", base::printable(proven.kernel),
                        wanted.kernel);
  if (proven.version != wanted.version)
    return base::format("it was made by Hydravisor {}, and this is {}", base::printable(proven.version),
                        wanted.version);
  return "";
}

}  // namespace hv::service
