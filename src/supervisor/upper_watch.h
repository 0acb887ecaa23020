// What changes in a copied workspace while the sandbox runs: the kernel writes a copy's changes into its upper layer,
// and tells of them there by inotify, whoever makes them and however. No program inside waits for it. What it misses
// (the kernel's queue is bounded, and so are the directories that are watched) the look after the stop finds.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "supervisor/touched_files.h"

namespace hv::supervisor {

struct UpperWatchLimits {
  size_t directories = 8192;
  size_t touched = 20'000;  // in a second
};

class UpperWatch {
 public:
  struct Place {
    std::string upper;   // the directory of the layer
    std::string lower;   // what lies below it
    std::string target;  // where a program inside sees both
  };
  struct Hooks {
    // Not recorded: it is asked again a second later.
    std::function<base::Status(const monitor::FileSeen&)> record;
    // Once: what is told is not all from now on, and why.
    std::function<void(const std::string& reason)> gap;
  };
  // Opens what begin() needs, before the supervisor is confined.
  static base::Result<std::unique_ptr<UpperWatch>> open(base::EventLoop& loop, const std::vector<Place>& places,
                                                        Hooks hooks, UpperWatchLimits limits = {});
  ~UpperWatch();
  // Before anything runs inside.
  void begin();
  // Changes to this path in the next seconds are the host's, brought in.
  void expect_host(const std::string& path);
  // Records all that was told up to now.
  void flush();

 private:
  struct Directory {
    size_t place = 0;
    std::string path;  // below the place's upper; empty: the upper itself
  };
  struct Move {
    Spot from;
    bool directory = false;
  };
  UpperWatch(base::EventLoop& loop, Hooks hooks, UpperWatchLimits limits)
      : loop_(loop), hooks_(std::move(hooks)), limits_(limits) {}
  void on_readable();
  void drain();
  void handle(int watch, uint32_t mask, uint32_t cookie, std::string_view name);
  void watch_tree(size_t place, const std::string& path, bool tell);
  bool watch_directory(size_t place, const std::string& path);
  void move_directories(const Spot& from, const Spot& to);
  TouchedFile* touch(const Spot& spot);
  void write();
  void tell_gap(const std::string& reason);

  base::EventLoop& loop_;
  Hooks hooks_;
  UpperWatchLimits limits_;
  base::Fd inotify_;
  std::vector<LayeredPlace> places_;
  std::map<int, Directory> directories_;  // by watch
  std::map<uint32_t, Move> moves_;        // that have begun
  TouchedFiles touched_;
  std::map<std::string, std::chrono::steady_clock::time_point> of_host_;  // until when
  std::vector<monitor::FileSeen> unwritten_;
  std::optional<base::EventLoop::TimerId> drain_timer_;
  std::optional<base::EventLoop::TimerId> write_timer_;
  int64_t since_ = 0;  // the file system's clock when the present second of changes began
  bool told_gap_ = false;
};

}  // namespace hv::supervisor
