// RFC 3492: how a label with letters beyond ASCII is written in DNS. Only used to tell a person what to write; such
// names are never taken as they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hv::core {

// "xn--..." for a label in UTF-8 whose letters need no mapping first (lower-case Latin-1, Greek and Cyrillic, Han,
// kana, Hangul); nothing for every other, where the right answer takes Unicode's tables.
std::optional<std::string> plain_a_label(std::string_view label);

}  // namespace hv::core
