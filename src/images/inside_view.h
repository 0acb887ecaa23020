// The files of a sandbox before it exists: a list of mounts read as the tree that they will make, for what has to be
// found in it at the start.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/glob.h"
#include "core/launch.h"

namespace hv::images {

class InsideView {
 public:
  // In the order in which they are made: a later one lies over an earlier one. They must outlive the view.
  explicit InsideView(std::span<const core::Mount> mounts) : mounts_(mounts) {}

  // Where what is at `inside` lies on the host, without following a link at its end; nullopt where no file of the host
  // will be. In a copy-on-write tree it is the host's file, whatever a former run made of it.
  std::optional<std::string> host_path(std::string_view inside) const;
  // The path inside with every link followed; nullopt when it leads nowhere.
  std::optional<std::string> canonical(std::string_view inside) const;

  struct Found {
    std::string path;  // inside, canonical
    bool is_directory = false;
    std::string named;  // as it was met, before links
    auto operator<=>(const Found&) const = default;
  };
  // How much of a tree is looked at, which an agent may have made huge: more is unavailable.
  struct Bounds {
    size_t entries = 2'000'000;
    size_t bytes = size_t{64} << 20;  // of the paths of directories
    std::chrono::milliseconds time{5000};
    bool operator==(const Bounds&) const = default;
  };
  // What the placed patterns match below these directories, links followed, sorted, each once; of a directory that
  // matches, what lies in it is not listed. Links to directories are not walked.
  base::Result<std::vector<Found>> find(const std::vector<core::Glob>& patterns,
                                        const std::vector<std::string>& directories, const Bounds& bounds) const;
  base::Result<std::vector<Found>> find(const std::vector<core::Glob>& patterns,
                                        const std::vector<std::string>& directories) const {
    return find(patterns, directories, Bounds{});
  }

 private:
  struct Place;
  Place place_of(std::string_view inside) const;
  std::span<const core::Mount> mounts_;
};

}  // namespace hv::images
