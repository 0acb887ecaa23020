#include "service/doctor_case.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/remove_tree.h"

namespace hv::service {
namespace {

class DoctorCaseTest : public testing::Test {
 protected:
  DoctorCaseTest() {
    std::string pattern = "/tmp/hv-doctor-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    options_.paths.state = directory_ + "/state";
    options_.paths.sandboxes = directory_ + "/state/sandboxes";
    options_.paths.ledger = directory_ + "/state/ledger";
    options_.paths.runtime = directory_ + "/run";
    options_.paths.socket = directory_ + "/run/hydravisord.sock";
    options_.program_directory = directory_ + "/bin";
    for (const char* name : {"/state/sandboxes", "/run", "/bin"})
      EXPECT_TRUE(base::make_directories(directory_ + name));
    for (const char* name : {"supervisor", "init", "gateway", "worker", "probe"})
      EXPECT_TRUE(base::replace_file(program(name), "", 0700));
  }
  ~DoctorCaseTest() override { (void)base::remove_tree(directory_); }

  std::string program(const std::string& name) const { return directory_ + "/bin/hydravisor-" + name; }
  core::DoctorCheck check(const std::string& id) const {
    for (core::DoctorCheck& found : DoctorCase(options_).check_installation())
      if (found.id == id) return found;
    ADD_FAILURE() << "no check " << id;
    return {};
  }

  std::string directory_;
  DoctorCase::Options options_;
};

using enum core::CheckStatus;

TEST_F(DoctorCaseTest, ASoundInstallationNeedsNoFix) {
  for (const core::DoctorCheck& found : DoctorCase(options_).check_installation()) {
    // Where the tests run may itself be a place for no overlay.
    if (found.id == "copy-on-write") continue;
    EXPECT_EQ(found.status, ok) << found.id << ": " << found.detail;
    EXPECT_EQ(found.fix, "") << found.id;
  }
  EXPECT_EQ(base::path_exists(directory_ + "/state/.doctor." + std::to_string(::getpid())), false);
}

TEST_F(DoctorCaseTest, AProgramThatIsNotThereOrCannotRunIsNamed) {
  ASSERT_EQ(::unlink(program("worker").c_str()), 0);
  ASSERT_EQ(::chmod(program("init").c_str(), 0600), 0);
  core::DoctorCheck found = check("programs");
  EXPECT_EQ(found.status, missing);
  EXPECT_NE(found.detail.find("hydravisor-init, hydravisor-worker are not in"), std::string::npos) << found.detail;
  EXPECT_FALSE(found.fix.empty());
}

TEST_F(DoctorCaseTest, WithoutTheProbeSandboxesStillStart) {
  ASSERT_EQ(::unlink(program("probe").c_str()), 0);
  EXPECT_EQ(check("programs").status, degraded);
}

TEST_F(DoctorCaseTest, AStateDirectoryThatCannotBeWrittenIsMissing) {
  ASSERT_TRUE(base::remove_tree(directory_ + "/state"));
  core::DoctorCheck found = check("state");
  EXPECT_EQ(found.status, missing);
  EXPECT_FALSE(found.fix.empty());
}

TEST_F(DoctorCaseTest, ASocketDirectoryThatOthersCanWriteIsRefusedWithItsFix) {
  ASSERT_EQ(::chmod((directory_ + "/run").c_str(), 0777), 0);
  core::DoctorCheck found = check("socket");
  EXPECT_EQ(found.status, missing);
  EXPECT_EQ(found.fix, "chmod 700 " + directory_ + "/run");
}

TEST_F(DoctorCaseTest, ALedgerThatRefusesEventsIsMissing) {
  options_.ledger_failure = [] { return std::string("No space left on device"); };
  core::DoctorCheck found = check("ledger");
  EXPECT_EQ(found.status, missing);
  EXPECT_NE(found.detail.find("No space left"), std::string::npos);
  options_.ledger_failure = [] { return std::string(); };
  EXPECT_EQ(check("ledger").status, ok);
}

TEST_F(DoctorCaseTest, TheReportHoldsTheMachineAndTheInstallation) {
  options_.machine.uid = ::getuid();
  options_.machine.gid = ::getgid();
  options_.machine.cgroups.mountinfo = "/dev/null";  // no cgroup is made for this
  options_.machine.cgroups.own_cgroups = "/dev/null";
  ASSERT_EQ(::unlink(program("supervisor").c_str()), 0);
  auto report = DoctorCase(options_).doctor();
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->usable);
  auto has = [&](std::string_view id) {
    for (const core::DoctorCheck& found : report->checks)
      if (found.id == id) return true;
    return false;
  };
  EXPECT_TRUE(has("kernel"));
  EXPECT_TRUE(has("programs"));
}

}  // namespace
}  // namespace hv::service
