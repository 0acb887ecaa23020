// One condition on events, with what it says of home and workspace filled in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/behavior.h"
#include "core/event.h"

namespace hv::behavior {

// An event as conditions see it: what they all ask for is made once, when the first asks.
class Facts {
 public:
  explicit Facts(const core::Event& event) : event_(event) {}
  const core::Event& event() const { return event_; }
  // The names of their paths; none: it has none.
  const std::vector<std::string_view>& program();
  const std::vector<std::string_view>& path();
  // Null where it has none.
  const core::IpAddress* address();

 private:
  const core::Event& event_;
  std::optional<std::vector<std::string_view>> program_;
  std::optional<std::vector<std::string_view>> path_;
  std::optional<base::Result<core::IpAddress>> address_;
};

class Pattern {
 public:
  Pattern(const core::EventPattern& pattern, std::string_view home, std::string_view workspace);
  // Of an event whose kind is one of the pattern's.
  bool matches(Facts& facts) const;

 private:
  bool matches_host(Facts& facts) const;

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
