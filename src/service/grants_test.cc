#include "service/grants.h"

#include <gtest/gtest.h>

namespace hv::service {
namespace {

using Paths = std::vector<std::string>;

base::Error refused(Paths read, Paths write) {
  core::RunRequest request;
  request.read = std::move(read);
  request.write = std::move(write);
  policy::Policy policy;
  base::Status added = add_grants(request, policy);
  return added ? base::internal_error("was granted") : added.error();
}

TEST(Grants, ComeBesideThoseOfThePolicy) {
  core::RunRequest request;
  request.caller.home = "/usr";
  request.read = {"/opt", "~/bin"};
  request.write = {"/var"};
  policy::Policy policy;
  policy.read = {"/opt", "/srv"};
  ASSERT_TRUE(add_grants(request, policy));
  EXPECT_EQ(policy.read, (Paths{"/opt", "/srv", "~/bin"}));
  EXPECT_EQ(policy.write, Paths{"/var"});
}

TEST(Grants, KeepTheRulesOfAPolicy) {
  EXPECT_EQ(refused({"/proc/1"}, {}).message(),
            "--read /proc/1: /proc belongs to the sandbox itself and cannot be granted");
  EXPECT_EQ(refused({}, {"usr"}).code(), base::ErrorCode::invalid_argument);
  EXPECT_EQ(refused({}, {"/usr/../etc"}).code(), base::ErrorCode::invalid_argument);
}

TEST(Grants, MustExist) {
  EXPECT_EQ(refused({}, {"/no/such/place"}).message(), "--write /no/such/place: it does not exist");
}

TEST(Grants, AreForReadingOrForWriting) {
  EXPECT_EQ(refused({"/opt"}, {"/opt"}).message(), "--read and --write contradict each other: /opt");
}

}  // namespace
}  // namespace hv::service
