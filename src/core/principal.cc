#include "core/principal.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/text.h"
#include "core/id.h"

namespace hv::core {

namespace {

constexpr size_t kLongestName = 64;

bool is_name(std::string_view name) {
  auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !name.empty() && name.size() <= kLongestName && name[0] != '-' && name[0] != '.' &&
         std::ranges::all_of(name, is_inner);
}

}  // namespace

Principal Principal::user(uint32_t uid) {
  Principal principal(Kind::user, std::to_string(uid));
  principal.uid_ = uid;
  return principal;
}

base::Result<Principal> Principal::parse(std::string_view text) {
  auto refuse = [&](std::string_view expected) {
    return base::Failure(base::invalid_argument(
        base::format("expected {}; found \"{}\"", expected, base::printable(text.substr(0, 80)))));
  };
  if (text.starts_with("user:")) {
    std::string_view digits = text.substr(5);
    uint32_t uid = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), uid);
    // The number as the kernel writes it, so that one person has one name; the last one means nobody (chown(2)).
    if (error != std::errc{} || end != digits.data() + digits.size() || std::to_string(uid) != digits ||
        uid == UINT32_MAX)
      return refuse("a person by number, such as \"user:1000\" (id -u NAME tells it)");
    return user(uid);
  }
  if (text.starts_with("agent:")) {
    std::string_view name = text.substr(6);
    if (!is_name(name)) return refuse("an agent's name of letters, digits, '-', '_' and '.', such as \"agent:ci\"");
    if (SandboxId::parse(std::string(name)))
      return refuse("an agent's name, such as \"agent:ci\": this is the form of a sandbox's id");
    return Principal(Kind::agent, std::string(name));
  }
  return refuse("a principal, such as \"user:1000\" or \"agent:ci\"");
}

std::string Principal::text() const {
  if (kind_ == Kind::system) return "system";
  return (kind_ == Kind::user ? "user:" : "agent:") + name_;
}

}  // namespace hv::core
