// Names and ids that cannot be mistaken for other strings.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::core {

// "s" and 16 characters of Crockford base32: 80 random bits. Also the name of the sandbox's directory, cgroup and
// units.
class SandboxId {
 public:
  static base::Result<SandboxId> generate();
  static base::Result<SandboxId> parse(std::string_view text);
  const std::string& text() const { return text_; }
  auto operator<=>(const SandboxId&) const = default;

 private:
  explicit SandboxId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What people call a sandbox: 1-63 of a-z 0-9 '-', starting with a letter, not ending with '-', and not of the form of
// an id.
class SandboxName {
 public:
  static base::Result<SandboxName> parse(std::string_view text);
  // Two plain words and a number, from `seed`: "quiet-otter-417".
  static SandboxName invent(std::string_view seed);
  const std::string& text() const { return text_; }
  auto operator<=>(const SandboxName&) const = default;

 private:
  explicit SandboxName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace hv::core
