// Small things done with text: printable forms, spelling help, hex and base64, splitting.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::base {

// `text` in a form that cannot move a cursor, change a colour, hide itself or reorder what a person reads: control
// characters, escape sequences, invalid UTF-8, bidirectional overrides and invisible formatting characters become
// visible \x.. or \u{....} escapes. Every string that an agent can choose goes through this before it reaches a
// terminal, a prompt or an error.
std::string printable(std::string_view text);
// The same, but newline and tab stay: for text of several lines.
std::string printable_lines(std::string_view text);

// The candidate with the smallest edit distance, when it is near enough to be a likely slip of the hand.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

std::string to_hex(std::string_view bytes);
Result<std::string> from_hex(std::string_view text);
// RFC 4648 with padding.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

// "a:b" -> {"a", "b"}; an empty text is one empty part.
std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
// Quoted so that a POSIX shell reads it as one word; unquoted when nothing needs it.
std::string shell_quote(std::string_view word);
bool is_valid_utf8(std::string_view text);

}  // namespace hv::base
