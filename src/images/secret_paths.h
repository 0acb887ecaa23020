// Places in a home that hold what an agent must not read. A directory above one of them is never bound as a whole.
#pragma once

#include <string>
#include <string_view>

namespace hv::images {

// The secret that binding `path` would show: a path below `home`, or `home` itself. Empty when there is none. Both are
// canonical.
std::string secret_within(std::string_view path, std::string_view home);

// True for file names that commonly hold a login, a token or a private key: never copied into a sandbox's home.
bool is_credential_file(std::string_view name);

}  // namespace hv::images
