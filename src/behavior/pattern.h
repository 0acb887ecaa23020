// One condition on events, with what it says of home and workspace filled in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/behavior.h"
#include "core/event.h"

namespace hv::behavior {

class Pattern {
 public:
  Pattern(const core::EventPattern& pattern, std::string_view home, std::string_view workspace);
  // Of an event whose kind is one of the pattern's.
  bool matches(const core::Event& event) const;

 private:
  bool matches_host(const base::json::Object& payload) const;

  core::EventPattern pattern_;
  std::vector<core::Glob> paths_;
  std::vector<core::Glob> programs_;
};

// A member of the payload, empty or 0 when it is not there or something else.
std::string_view text_of(const base::json::Object& payload, std::string_view member);
uint64_t number_of(const base::json::Object& payload, std::string_view member);
// What rules call "program": of exec.observed it is the member `executable`.
std::string_view program_of(const core::Event& event);

}  // namespace hv::behavior
