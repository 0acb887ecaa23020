#include "service/ceiling.h"

#include <gtest/gtest.h>

namespace hv::service {
namespace {

TEST(Ceiling, IsAddedOnceToWhateverPolicyIsChosen) {
  EXPECT_EQ(under_ceiling("research", ""), "research");
  EXPECT_EQ(under_ceiling("research", "restricted"), "research+restricted");
  EXPECT_EQ(under_ceiling("research+restricted", "restricted"), "research+restricted");
  EXPECT_EQ(under_ceiling("restricted", "restricted+mine"), "restricted+mine");
}

TEST(Ceiling, IsTheSameOneOnlyWhenEachOfItsPoliciesIsThere) {
  EXPECT_TRUE(is_under("", {}));
  EXPECT_TRUE(is_under("a+b", {"b"}));
  EXPECT_FALSE(is_under("a", {"a", "b"}));
  EXPECT_FALSE(is_under("", {"a"}));
  EXPECT_FALSE(is_under("ab", {"a"}));
}

TEST(Ceiling, RefusesEveryWayAroundThePolicy) {
  using Change = void (*)(core::RunRequest&);
  const std::pair<const char*, Change> ways[] = {
      {"--allow", [](core::RunRequest& r) { r.allow = {"example.org"}; }},
      {"--allow-private", [](core::RunRequest& r) { r.allow_private = {"example.org"}; }},
      {"--host-port", [](core::RunRequest& r) { r.host_ports = {5432}; }},
      {"--read", [](core::RunRequest& r) { r.read = {"/srv"}; }},
      {"--write", [](core::RunRequest& r) { r.write = {"/srv"}; }},
      {"limits", [](core::RunRequest& r) { r.limits.memory_bytes = uint64_t{1} << 40; }},
      {"limits", [](core::RunRequest& r) { r.limits.wall_millis = 1000; }},
      {"--accept-unenforced", [](core::RunRequest& r) { r.limits.accept_unenforced = true; }},
      {"--allow-degraded", [](core::RunRequest& r) { r.allow_degraded = {"limits.memory"}; }},
      {"--skip-layer", [](core::RunRequest& r) { r.skipped_layers = {core::Layer::seccomp}; }},
      {"--rootfs", [](core::RunRequest& r) { r.rootfs = "/srv/root"; }},
      {"--workspace live", [](core::RunRequest& r) { r.workspace.mode = core::WorkspaceMode::live; }},
  };
  for (const auto& [option, change] : ways) {
    core::RunRequest request;
    change(request);
    core::RunRequest before = request;
    // The control: without a ceiling nothing is refused, and nothing is changed.
    ASSERT_TRUE(put_under(request, {}));
    EXPECT_EQ(request, before);
    base::Status refused = put_under(request, {"restricted"});
    ASSERT_FALSE(refused) << option;
    EXPECT_EQ(refused.error().code(), base::ErrorCode::denied);
    EXPECT_NE(refused.error().message().find(option), std::string::npos) << refused.error().message();
  }
}

TEST(Ceiling, HoldsBesideOneThatTheRequestNamesItself) {
  core::RunRequest request;
  request.policy = "research";
  request.ceiling = "mine";
  ASSERT_TRUE(put_under(request, {"restricted", "locked"}));
  EXPECT_EQ(request.policy, "research");
  EXPECT_EQ(request.ceiling, "mine+restricted+locked");
  EXPECT_TRUE(request.copy_only);
}

}  // namespace
}  // namespace hv::service
