#include "service/proof_subject.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::service {
namespace {

core::LaunchSpec spec_of(const std::string& name, uint32_t first_id) {
  core::LaunchSpec spec;
  spec.id = spec.name = spec.hostname = name;
  spec.state_directory = "/state/" + name;
  spec.ground.host_root = true;
  spec.ground.uid = 1000;
  spec.ground.uid_map = spec.ground.gid_map = {{0, first_id, 65536}};
  spec.cgroups = {"/sys/fs/cgroup/" + name};
  spec.log_path = "/state/" + name + "/log";
  core::Mount layer;
  layer.kind = core::Mount::Kind::overlay;
  layer.source = layer.target = "/home/u/project";
  layer.upper = spec.state_directory + "/workspace";
  core::Mount hosts;
  hosts.kind = core::Mount::Kind::file;
  hosts.target = "/etc/hosts";
  hosts.content = "127.0.1.1 " + name;
  spec.mounts = {layer, hosts};
  spec.command.arguments = {name};
  return spec;
}

TEST(PlanDigest, IsThatOfEverySandboxHeldByTheSameMeans) {
  EXPECT_EQ(plan_digest(spec_of("web", 100000)), plan_digest(spec_of("api", 200000)));
}

TEST(PlanDigest, ChangesWithEveryMeansOfIsolation) {
  const std::string digest = plan_digest(spec_of("web", 100000));
  auto changed = [&](auto change) {
    core::LaunchSpec spec = spec_of("web", 100000);
    change(spec);
    return plan_digest(spec) != digest;
  };
  EXPECT_TRUE(changed([](auto& spec) { spec.mounts[0].target = "/home/u"; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.mounts[0].writable = true; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.ground.uid = 0; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.ground.uid_map[0].count = 1; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.ground.skipped_layers = 1; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.ground.allow_nested = true; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.seccomp_program = "x"; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.host_ports = {80}; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.egress.fallback = core::Verdict::allow; }));
  EXPECT_TRUE(changed([](auto& spec) { spec.limits.pids = 9; }));
}

TEST(PolicyDigest, SeesWhatRoundedNumbersHide) {
  policy::Policy one;
  one.limits.memory_bytes = uint64_t{8} << 30;
  policy::Policy other = one;
  EXPECT_EQ(policy_digest(one), policy_digest(other));
  other.limits.memory_bytes += 1;
  EXPECT_NE(policy_digest(one), policy_digest(other));
  other = one;
  other.read = {"/srv"};
  EXPECT_NE(policy_digest(one), policy_digest(other));
}

TEST(Variant, NamesWhatWeakens) {
  core::LaunchSpec spec;
  core::RunRequest request;
  EXPECT_TRUE(variant_of(spec, request).empty());
  spec.ground.allow_nested = true;
  spec.ground.skipped_layers = static_cast<uint32_t>(core::Layer::landlock);
  request.rootfs = "/srv/root";
  EXPECT_EQ(variant_of(spec, request), (std::vector<std::string>{"nested", "rootfs", "without landlock"}));
}

TEST(Machine, IsKnownByItsIdWithoutShowingIt) {
  std::string file = "/tmp/hv-machine-" + std::to_string(::getpid());
  ASSERT_TRUE(base::replace_file(file, "0123456789abcdef0123456789abcdef\n"));
  std::string one = this_machine(file);
  EXPECT_EQ(one.find("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(one, this_machine(file));
  ASSERT_TRUE(base::replace_file(file, "fedcba9876543210fedcba9876543210\n"));
  EXPECT_NE(one, this_machine(file));
  ::unlink(file.c_str());
  EXPECT_FALSE(this_machine(file).empty());
}

TEST(Proof, CountsForTheSamePolicyKernelMachineAndVersionOnly) {
  core::ProofSubject proven{"mine", "p", "plan", {}, "Linux 6.18", "m", "0.1.0"};
  core::ProofSubject wanted = proven;
  wanted.plan_digest = "another";
  EXPECT_EQ(why_other(proven, wanted), "");
  auto why = [&](auto change) {
    core::ProofSubject now = proven;
    change(now);
    return why_other(proven, now);
  };
  EXPECT_EQ(why([](auto& now) { now.policy_digest = "q"; }), "the policy says something else by now");
  EXPECT_EQ(why([](auto& now) { now.variant = {"nested"}; }), "it is about the policy alone, and this is nested");
  EXPECT_EQ(why([](auto& now) { now.machine = "n"; }), "it was made on another machine");
  EXPECT_EQ(why([](auto& now) { now.kernel = "Linux 6.19"; }),
            "it was made under the kernel Linux 6.18, and this is Linux 6.19");
  EXPECT_EQ(why([](auto& now) { now.version = "0.2.0"; }), "it was made by Hydravisor 0.1.0, and this is 0.2.0");
}

}  // namespace
}  // namespace hv::service
