// A disk under SQLite that fails on request, one call at a time. It stands before SQLite's own as the default from its
// making to its end; calls are counted, so that each can be failed in its turn. No memory mapping: what is read is read
// by a call.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include <sqlite3.h>

namespace hv::index {

enum class DiskFault {
  none,
  full,     // a write finds no room, a file is not made
  error,    // EIO
  torn,     // half of what is written arrives, and nobody is told
  garbage,  // what is read is something else
};

class FaultyVfs {
 public:
  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // The call of this number fails so, and with `for_good` all later ones; numbers begin again at 0.
  void fail(size_t number, DiskFault fault, bool for_good);
  void heal() { fault_ = DiskFault::none; }
  size_t count() const { return calls_; }
  bool met() const { return met_; }

  // For the calls themselves: what this one meets, when it is one that such a fault can meet.
  enum class Call { open, read, write, other };
  DiskFault next(Call call);
  sqlite3_vfs* below() const { return below_; }

 private:
  struct Vfs;
  std::unique_ptr<Vfs> vfs_;
  sqlite3_vfs* below_;
  std::atomic<size_t> calls_ = 0;
  std::atomic<size_t> number_ = 0;
  std::atomic<bool> for_good_ = false;
  std::atomic<bool> met_ = false;
  std::atomic<DiskFault> fault_ = DiskFault::none;
};

}  // namespace hv::index
