// Who asks: "user:1000" for a person, by the number that the kernel tells; "agent:ci" for a program that shows a token;
// "system" for what the daemon does by itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::core {

class Principal {
 public:
  enum class Kind { user, agent, system };

  static Principal user(uint32_t uid);
  static Principal system() { return {Kind::system, ""}; }
  // "user:NUMBER" or "agent:NAME". A sandbox's id is no agent's name: records call what runs in that sandbox so.
  // invalid_argument.
  static base::Result<Principal> parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool is_agent() const { return kind_ == Kind::agent; }
  // Of a user.
  uint32_t uid() const { return uid_; }
  std::string text() const;
  bool operator==(const Principal&) const = default;

 private:
  Principal(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}
  Kind kind_;
  std::string name_;
  uint32_t uid_ = 0;
};

}  // namespace hv::core
