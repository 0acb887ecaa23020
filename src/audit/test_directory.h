// For this module's tests: a directory of their own, a clock they tick, and files that fail when told to.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "audit/file_layer.h"
#include "base/clock.h"
#include "base/remove_tree.h"

namespace hv::audit {

class TestDirectory {
 public:
  TestDirectory() {
    // In memory where possible: these tests wait for hundreds of fsyncs.
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/hv-audit-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TestDirectory() { (void)base::remove_tree(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string read(const std::string& name) const { return base::read_file(path_ + "/" + name).value_or(""); }
  void write(const std::string& name, std::string_view data) const {
    (void)base::replace_file(path_ + "/" + name, data);
  }
  void flip_byte(const std::string& name, size_t offset) const {
    std::string data = read(name);
    data.at(offset) ^= 0x20;
    write(name, data);
  }

 private:
  std::string path_;
};

class TestClock final : public base::Clock {
 public:
  base::WallTime wall() const override { return wall_; }
  base::MonotonicTime monotonic() const override { return base::MonotonicTime(wall_.time_since_epoch()); }
  void tick(std::chrono::nanoseconds by) { wall_ += by; }

 private:
  base::WallTime wall_{std::chrono::seconds(1'800'000'000)};
};

class FaultyFiles final : public FileLayer {
 public:
  // The call after `successes` more of its kind fails with `error`, and all later ones until heal().
  void fail_write_after(int successes, int error) { writes_left_ = successes, write_error_ = error; }
  void fail_sync_after(int successes, int error) { syncs_left_ = successes, sync_error_ = error; }
  void fail_replace_after(int successes, int error) { replaces_left_ = successes, replace_error_ = error; }
  void fail_truncate(int error) { truncate_error_ = error; }
  // Every write stores at most this many bytes.
  void shorten_writes(size_t bytes) { shorten_ = bytes; }
  // A failing write stores this many bytes of the record before it fails.
  void tear_at(size_t bytes) { tear_ = bytes; }
  void heal() {
    writes_left_ = -1, syncs_left_ = -1, replaces_left_ = -1, shorten_ = 0, tear_ = 0, truncate_error_ = 0;
  }

  ssize_t pwrite(int fd, std::string_view data, off_t offset) override {
    if (writes_left_ == 0) {
      if (size_t torn = tear_.exchange(0); torn > 0 && torn < data.size())
        return FileLayer::pwrite(fd, data.substr(0, torn), offset);
      return fail(write_error_);
    }
    if (writes_left_ > 0) --writes_left_;
    return FileLayer::pwrite(fd, shorten_ > 0 ? data.substr(0, shorten_.load()) : data, offset);
  }
  int sync(int fd) override {
    if (syncs_left_ == 0) return fail(sync_error_);
    if (syncs_left_ > 0) --syncs_left_;
    return FileLayer::sync(fd);
  }
  int truncate(int fd, off_t size) override {
    return truncate_error_ != 0 ? fail(truncate_error_) : FileLayer::truncate(fd, size);
  }
  base::Status replace(const std::string& path, std::string_view data, bool durable) override {
    if (replaces_left_ == 0) return base::Failure(base::Error::from_errno(replace_error_, "replace", path));
    if (replaces_left_ > 0) --replaces_left_;
    return FileLayer::replace(path, data, durable);
  }

 private:
  static int fail(int error) {
    errno = error;
    return -1;
  }
  // The ledger's own thread reads them too.
  std::atomic<int> writes_left_ = -1, syncs_left_ = -1, replaces_left_ = -1;
  std::atomic<int> write_error_ = 0, sync_error_ = 0, replace_error_ = 0, truncate_error_ = 0;
  std::atomic<size_t> shorten_ = 0, tear_ = 0;
};

}  // namespace hv::audit
