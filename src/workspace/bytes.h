// File names are bytes; JSON is UTF-8. The escaping between them: valid UTF-8 stays as it is, a backslash becomes
// \\ and every byte that is not valid UTF-8 becomes \xHH. Nothing else is escaped, so the form is unique and
// reversible.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::workspace {

std::string encode_bytes(std::string_view bytes);
// invalid_argument for a backslash that begins neither \\ nor \xHH.
base::Result<std::string> decode_bytes(std::string_view text);

// A path relative to the workspace: not empty, no leading or trailing slash, no empty, "." or ".." component, no NUL.
base::Status check_relative_path(std::string_view path);
// Deeper than our walks go: a hostile tree exhausts neither the stack nor the kernel's longest path. What is too deep
// is told to the user instead of compared.
bool too_deep(std::string_view path);
// True when `path` is `prefix` or lies below it; an empty prefix covers everything.
bool covers(std::string_view prefix, std::string_view path);
// "a/b/c" -> "a/b"; empty for a name without a slash.
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);
// `directory`/`name`, or `name` alone when `directory` is empty.
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace hv::workspace
