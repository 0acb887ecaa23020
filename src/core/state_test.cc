#include "core/state.h"

#include <gtest/gtest.h>

namespace hv::core {
namespace {

using enum SandboxState;

TEST(SandboxState, AllowsALifeFromCreationToRemoval) {
  for (auto [from, to] : {std::pair{created, starting},
                          {starting, running},
                          {running, paused},
                          {paused, running},
                          {running, stopping},
                          {stopping, stopped},
                          {stopped, starting},
                          {stopped, removed}})
    EXPECT_TRUE(check_transition("web", from, to)) << state_name(from) << " -> " << state_name(to);
}

TEST(SandboxState, RefusesEveryStepOutOfRemovedAndSaysWhy) {
  for (SandboxState to : {created, starting, running, paused, stopping, stopped, removed})
    EXPECT_FALSE(is_legal(removed, to));
  base::Status refused = check_transition("web", running, removed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::conflict);
  EXPECT_EQ(
      refused.error().text(),
      "sandbox 'web' is running and cannot become removed (stop it first: hydravisor stop web, or use rm --force)");
}

TEST(SandboxState, RefusesToPauseOrStopWhatDoesNotRun) {
  EXPECT_FALSE(is_legal(created, paused));
  EXPECT_FALSE(is_legal(stopped, paused));
  EXPECT_FALSE(is_legal(stopped, stopping));
  EXPECT_FALSE(is_legal(created, running));
}

TEST(SandboxState, NamesRoundTrip) {
  for (SandboxState state : {created, starting, running, paused, stopping, stopped, removed})
    EXPECT_EQ(*parse_state(state_name(state)), state);
  EXPECT_FALSE(parse_state("alive"));
}

TEST(Outcome, FollowsTheShellsConvention) {
  EXPECT_EQ((Outcome{Outcome::Kind::exited, 3, {}}.exit_code()), 3);
  EXPECT_EQ((Outcome{Outcome::Kind::signalled, 11, {}}.exit_code()), 139);
  EXPECT_EQ((Outcome{Outcome::Kind::supervisor_lost, 0, {}}.exit_code()), 125);
  EXPECT_EQ((Outcome{Outcome::Kind::launch_failed, 127, {}}.exit_code()), 127);
}

}  // namespace
}  // namespace hv::core
