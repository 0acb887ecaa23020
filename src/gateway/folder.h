// Floods of the same refusal become one record with a count: the first is told at once, those that follow are counted
// and told every few seconds. Bounded, however many different names an agent makes up.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/egress.h"

namespace hv::gateway {

class Folder {
 public:
  using Tell = std::function<void(const core::NetworkEvent& event)>;
  // Told one by one between two flushes; further ones that differ are counted together as "and others".
  static constexpr size_t kSingly = 64;

  explicit Folder(Tell tell) : tell_(std::move(tell)) {}
  void add(const core::NetworkEvent& event);
  // Tells what was counted. To be called every few seconds and before the end.
  void flush();

 private:
  Tell tell_;
  struct Entry {
    core::NetworkEvent event;
    uint64_t more = 0;
  };
  std::map<std::string, Entry> entries_;
  core::NetworkEvent others_;
  uint64_t other_count_ = 0;
};

}  // namespace hv::gateway
