#include "access/book.h"

#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::access {
namespace {

class BookTest : public testing::Test {
 protected:
  BookTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hv-access-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/access.toml";
  }
  ~BookTest() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& text) { ASSERT_TRUE(base::replace_file(path_, text, 0600)); }
  static bool may(const Book& book, core::Principal who, core::Action action) {
    return book.rules().judge->decide({std::move(who), {}, {}}, action).allowed;
  }

  core::Principal owner_ = core::Principal::user(::geteuid());
  core::Principal other_ = core::Principal::user(::geteuid() + 1);
  std::string directory_;
  std::string path_;
};

TEST_F(BookTest, GoesByTheFileAsItIsNow) {
  Book book(path_, ::geteuid());
  EXPECT_FALSE(book.rules().present);
  EXPECT_TRUE(may(book, owner_, core::Action::policy_write));
  EXPECT_FALSE(may(book, other_, core::Action::policy_write));
  write("version = 1\n[principals.\"" + other_.text() + "\"]\nrole = \"trusted\"\n");
  EXPECT_TRUE(may(book, other_, core::Action::policy_write));
  write("version = 1\n[principals.\"" + other_.text() + "\"]\nrole = \"audited\"\n");
  EXPECT_FALSE(may(book, other_, core::Action::policy_write));
  std::filesystem::remove(path_);
  EXPECT_FALSE(may(book, other_, core::Action::exec));
}

// As an editor that writes in place: the same file, of the same size, within a tick of its clock.
TEST_F(BookTest, SeesAChangeThatFollowsTheLastAtOnce) {
  Book book(path_, ::geteuid());
  auto text = [&](const char* action) {
    return "version = 1\n[roles.r]\nallow = [\"" + std::string(action) + "\"]\n[principals.\"" + other_.text() +
           "\"]\nrole = \"r\"\n";
  };
  write(text("exec"));
  base::Fd file = *base::open_file(path_, O_WRONLY);
  for (int i = 0; i < 200; ++i) {
    bool exec = i % 2 == 1;
    std::string now = text(exec ? "exec" : "logs");
    ASSERT_EQ(::pwrite(file.get(), now.data(), now.size(), 0), static_cast<ssize_t>(now.size()));
    ASSERT_EQ(may(book, other_, core::Action::exec), exec) << i;
  }
}

TEST_F(BookTest, ClosesOnAFaultyFile) {
  Book book(path_, ::geteuid());
  EXPECT_TRUE(may(book, owner_, core::Action::exec));
  write("version = 1\n[principals.\"" + other_.text() + "\"]\nrole = \"trusted\"\nrol = 1\n");
  Rules rules = book.rules();
  ASSERT_FALSE(rules.fault);
  EXPECT_NE(rules.fault.error().message().find("access.toml:4:1"), std::string::npos) << rules.fault.error().message();
  EXPECT_FALSE(may(book, owner_, core::Action::exec));
  EXPECT_FALSE(may(book, owner_, core::Action::policy_write));
  EXPECT_TRUE(may(book, owner_, core::Action::access_read));
  EXPECT_TRUE(may(book, owner_, core::Action::sandbox_stop));
  EXPECT_FALSE(may(book, owner_, core::Action::sandbox_start));
  EXPECT_FALSE(may(book, other_, core::Action::daemon_read));
  write("version = 1\n");
  EXPECT_TRUE(book.rules().fault);
  EXPECT_TRUE(may(book, owner_, core::Action::exec));
}

TEST_F(BookTest, RefusesAFileThatOthersMayWrite) {
  Book book(path_, ::geteuid());
  write("version = 1\n");
  EXPECT_TRUE(book.rules().fault);
  for (mode_t mode : {0620u, 0602u, 0666u}) {
    ::chmod(path_.c_str(), mode);
    Rules rules = book.rules();
    ASSERT_FALSE(rules.fault);
    EXPECT_EQ(rules.fault.error().code(), base::ErrorCode::denied);
    EXPECT_FALSE(may(book, owner_, core::Action::exec));
  }
  ::chmod(path_.c_str(), 0644);
  EXPECT_TRUE(book.rules().fault);
  // So is one that lies where others may put another one.
  ::chmod(directory_.c_str(), 0777);
  Book elsewhere(path_, ::geteuid());
  EXPECT_FALSE(elsewhere.rules().fault);
  ::chmod(directory_.c_str(), 0700);
  EXPECT_TRUE(elsewhere.rules().fault);
  // And one that is no file.
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(book.rules().fault);
}

}  // namespace
}  // namespace hv::access
