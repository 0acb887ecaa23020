// A user's machine in a temporary directory, for the tests: files, programs and links made in a line each.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "base/check.h"
#include "base/fd.h"
#include "images/host_view.h"

namespace hv::images {

class FakeHost {
 protected:
  FakeHost() {
    char name[] = "/tmp/hv-images-XXXXXX";
    top_ = std::filesystem::canonical(mkdtemp(name)).string();
    home_ = top_ + "/home/ada";
    std::filesystem::create_directories(home_);
    std::filesystem::create_directories(top_ + "/project");
    host_.caller.home = home_;
    host_.caller.directory = top_ + "/project";
    host_.caller.uid = 1000;
    host_.user = "ada";
    set("PATH", "/usr/bin:/bin");
  }
  ~FakeHost() { std::filesystem::remove_all(top_); }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  void set(const std::string& name, const std::string& value) {
    std::erase_if(host_.caller.environment, [&](const core::Variable& entry) { return entry.name == name; });
    host_.caller.environment.push_back({name, value});
  }
  // Paths of files and links are relative to the top.
  std::string file(const std::string& path, const std::string& text = "x", mode_t mode = 0644) {
    std::string whole = top_ + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    HV_CHECK(base::replace_file(whole, text, mode).has_value());
    return whole;
  }
  std::string program(const std::string& path, const std::string& text =
                                                   "\x7f"
                                                   "ELF") {
    return file(path, text, 0755);
  }
  std::string link(const std::string& path, const std::string& target) {
    std::string whole = top_ + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::filesystem::create_symlink(target, whole);
    return whole;
  }

  std::string top_;
  std::string home_;
  HostView host_;
};

}  // namespace hv::images
