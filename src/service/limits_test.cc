#include "service/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hv::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Limits, OfARequestGoBeforeThePolicys) {
  core::Limits policy;
  policy.memory_bytes = 100;
  policy.wall_millis = 1000;
  core::LimitsRequest request;
  request.wall_millis = 5000;
  request.disk_bytes = 7;
  core::Limits limits = decide_limits(request, policy);
  EXPECT_EQ(limits.memory_bytes, 100u);
  EXPECT_EQ(limits.wall_millis, 5000u);
  EXPECT_EQ(limits.disk_bytes, 7u);
}

TEST(Limits, StopAStartOnlyWhenTheyWereAskedForByName) {
  isolation::CgroupPlan plan;
  plan.not_enforced = {{"io", "no disk"}};
  EXPECT_TRUE(check_limits({}, plan)) << "the policy's";
  core::LimitsRequest asked;
  asked.io_bytes = 1 << 20;
  base::Status refused = check_limits(asked, plan);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), base::ErrorCode::unsupported);
  EXPECT_THAT(refused.error().text(), HasSubstr("no disk"));
  asked.accept_unenforced = true;
  EXPECT_TRUE(check_limits(asked, plan));
}

TEST(Limits, AreNotCalledEnforcedWhereNothingEnforcesThem) {
  core::Limits asked;
  asked.memory_bytes = 1 << 30;
  asked.disk_bytes = 1 << 30;
  isolation::CgroupPlan plan;
  plan.not_enforced = {{"memory", "no controller"}};
  core::LimitsInfo info = describe_limits(asked, plan);
  EXPECT_EQ(info.enforced.memory_bytes, 0u);
  EXPECT_EQ(info.enforced.disk_bytes, asked.disk_bytes);
  EXPECT_THAT(info.how, HasSubstr("no controller"));
}

TEST(Limits, AboveTheMachinesAreSaidNotToBind) {
  core::Limits limits;
  limits.memory_bytes = uint64_t{1} << 50;
  limits.cpu_millis = 4'000'000;
  EXPECT_THAT(limit_notes(limits, core::WorkspaceMode::cow),
              ElementsAre(HasSubstr("does not bind"), HasSubstr("does not bind")));
  limits = {};
  limits.memory_bytes = 1 << 20;
  EXPECT_THAT(limit_notes(limits, core::WorkspaceMode::cow), IsEmpty());
}

}  // namespace
}  // namespace hv::service
