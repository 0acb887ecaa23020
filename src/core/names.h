// Enumerations with stable names, for JSON, options and records: one table each, read in both directions.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace hv::core {

// Specialise with `kind` ("workspace mode") and `table` ({value, name}, ...).
template <typename Enum>
struct Names;

template <typename Enum>
concept Named = requires { Names<Enum>::table; };

template <Named Enum>
constexpr std::string_view name_of(Enum value) {
  for (auto [known, name] : Names<Enum>::table)
    if (known == value) return name;
  return "unknown";
}

// invalid_argument naming what is allowed, and the nearest of it.
template <Named Enum>
base::Result<Enum> parse_name(std::string_view text) {
  std::vector<std::string> all;
  for (auto [value, name] : Names<Enum>::table) {
    if (name == text) return value;
    all.emplace_back(name);
  }
  base::Error error =
      base::invalid_argument("unknown " + std::string(Names<Enum>::kind) + " '" + base::printable(text.substr(0, 64)) +
                             "'; known: " + base::join(all, ", "));
  if (auto near = base::nearest(text, all))
    return base::Failure(std::move(error).with_hint("did you mean '" + *near + "'?"));
  return base::Failure(std::move(error));
}

}  // namespace hv::core
