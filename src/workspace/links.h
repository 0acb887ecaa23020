// Where a path leads: every place that counts on the way, so that none can be changed behind the back of who decides.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hv::workspace {

// The text of the symlink at an absolute path; nullopt for anything else.
using LinkReader = std::function<std::optional<std::string>(const std::string& path)>;

// The places below `workspace` (relative to it) on the way of the absolute path `path`: each symlink met, and what the
// last one leads to. What lies outside is walked through as far as `read` knows it, and left out.
std::vector<std::string> places_on_the_way(const std::string& workspace, const LinkReader& read, std::string_view path);

}  // namespace hv::workspace
