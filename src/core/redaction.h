// Credentials taken out of what is to be recorded: an agent's command lines, URLs and texts hold keys and passwords,
// and a log that cannot be changed is the last place for them. What is replaced is counted, never guessed back. Bounded
// work on hostile text: one pass, no backtracking.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hv::core {

// Stands where a credential stood.
inline constexpr std::string_view kRedacted = "[redacted]";

// Replaces in `text`: keys with a provider's prefix, JSON web tokens, private keys in PEM; the password of a URL; the
// value of a name like `password`, `api_key` or `token` in a query, an assignment, JSON or an option; the headers
// Authorization, Cookie and their like. The value is how many were replaced. A second pass finds nothing.
size_t redact_text(std::string& text);

// The same for a command line, whose options may have their value in the next word: `--password x`, `curl -u name:x`,
// `mysql -px`.
size_t redact_arguments(std::vector<std::string>& arguments);

// Whether the two above would leave everything as it is: most of what is recorded holds nothing, and need not be copied
// to find that out. The second says so only of command lines whose program takes no password in its options.
bool is_free_of_secrets(std::string_view text);
bool is_free_of_secrets(std::span<const std::string_view> arguments);

// True when a member, variable or parameter of this name holds a credential: `DB_PASSWORD`, `x-api-key`, `accessToken`.
bool is_secret_name(std::string_view name);

}  // namespace hv::core
